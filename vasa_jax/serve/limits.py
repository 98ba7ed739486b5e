"""What a client may ask for, and how it is told that it asked for too much."""

from dataclasses import dataclass

MEGABYTE = 2**20
# Every number of steps is a program of its own to compile and to keep, so clients choose among few.
STEPS = (10, 25, 50)


@dataclass(frozen=True)
class Limits:
    """Of one server.

    Attributes:
      picture_bytes, sound_bytes: of an uploaded file.
      pixels: of a portrait, by its header, before any of them is decoded.
      side: portraits are reduced to it.
      sound_seconds: of an uploaded speech.
      uploads: that are received and decoded at the same time.
      receive_seconds: a request has to be in by then, its head by `head_seconds`.
      decode_seconds, decode_bytes: processor time and memory of the process that decodes an upload.
      queue: jobs that wait or run.
      client_jobs: of these, by one address.
      job_seconds: that a job may run.
      forgotten_seconds: a job that nobody asked for in this time is dropped.
      kept_seconds, kept: how long, and how many finished videos wait to be fetched.
      send_seconds: an answer has to be taken by then.
      streams: live streams at the same time.
      stream_seconds: of one.
      stuck_seconds: a stream whose client takes nothing for so long, or does not connect, is closed.
      silent_seconds: likewise if it sends nothing.
      ahead_seconds: of sound that may wait in a stream.
      behind_seconds: likewise from a microphone; where the device is slower than speech, some of it is left out.
      connections: of all kinds.
    """

    picture_bytes: int = 16 * MEGABYTE
    sound_bytes: int = 32 * MEGABYTE
    pixels: int = 50_000_000
    side: int = 2048
    sound_seconds: float = 60.0
    uploads: int = 4
    head_seconds: float = 10.0
    receive_seconds: float = 60.0
    decode_seconds: float = 20.0
    decode_bytes: int = 2048 * MEGABYTE
    queue: int = 8
    client_jobs: int = 4
    job_seconds: float = 600.0
    forgotten_seconds: float = 30.0
    kept_seconds: float = 600.0
    kept: int = 16
    send_seconds: float = 120.0
    streams: int = 2
    stream_seconds: float = 900.0
    stuck_seconds: float = 15.0
    silent_seconds: float = 60.0
    ahead_seconds: float = 60.0
    behind_seconds: float = 2.0
    connections: int = 128

    @property
    def request_bytes(self) -> int:
        """Of a whole request: both files and the fields beside them."""
        return self.picture_bytes + self.sound_bytes + MEGABYTE


class Refused(Exception):
    """What a client asked for is not done.

    Attributes:
      status: of the answer: 400, 401, 403, 404, 413, 422, 429 or 503.
      message: why, and what to do, in one line.
      retry_after: seconds after which it may work; None where it never will.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None):
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
