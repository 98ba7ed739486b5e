"""A few of the uploads and clients of `benchmarks.serve`, which has them all."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.hostile import made

KINDS = (
    "png bomb beyond its size",
    "a path",
    "program",
    "playlist of a file",
    "wav of 65535 channels",
    "broken at random",
)


@pytest.mark.slow
def test_hostile_uploads_are_answered_and_leave_nothing(serve, own_folders):
    client, found = serve(), {}
    for kind, name, portrait, speech in made(38, KINDS):
        answer = client.post("/api/animate", files={"portrait": (name, portrait), "speech": (name, speech)})
        found.setdefault(kind, []).append(answer.status_code)
        assert answer.status_code in (200, 400, 413, 422), kind
    assert set(found) == set(KINDS)
    assert found["a path"] == found["program"] == found["playlist of a file"] == [422]
    assert client.get("/health").status_code == 200
    assert [path.name for path in client.scratch.folder.iterdir()] == ["lock"]
    assert list((own_folders / "temporary").iterdir()) == [client.scratch.folder]


@pytest.mark.slow
def test_many_clients_at_once_are_served_or_told_to_wait(serve):
    client = serve(queue=4)

    def ask(number: int) -> int:
        sent = {"portrait": (None, "bundled"), "speech": (None, "bundled")}
        return client.post("/api/animate", files=sent, headers={"x-forwarded-for": f"10.0.0.{number}"}).status_code

    with ThreadPoolExecutor(20) as threads:
        statuses = set(threads.map(ask, range(20)))
    assert statuses == {200, 503}
    assert client.get("/health").status_code == 200
