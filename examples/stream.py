"""Speech in, a talking face out as it speaks: `python examples/stream.py hello.wav`.

Needs a running `python -m vasa_jax.serve`. Frames with their sound end up in frames/; a program that shows them does so
where this one writes files. A minus reads a WAV file from stdin:

    espeak-ng --stdout "Good morning" | python examples/stream.py -
"""

import io
import json
import struct
import sys
from pathlib import Path

import soundfile
from websockets.sync.client import connect

source = io.BytesIO(sys.stdin.buffer.read()) if sys.argv[1] == "-" else sys.argv[1]
sound, rate = soundfile.read(source, dtype="int16", always_2d=True)
Path("frames").mkdir(exist_ok=True)
with connect("ws://localhost:7860/api/stream", max_size=None) as server:
    server.send(json.dumps({"portrait": "bundled", "sample_rate": rate, "emotion": "happy:0.5"}))
    print(json.loads(server.recv()))
    for start in range(0, len(sound), rate // 10):
        server.send(sound[start : start + rate // 10, 0].tobytes())
    server.send(json.dumps({"finish": True}))
    while isinstance(message := server.recv(), bytes):
        index, size, delay = struct.unpack_from("<IIf", message)
        Path(f"frames/{index:05d}.jpg").write_bytes(message[12 : 12 + size])
        Path(f"frames/{index:05d}.pcm").write_bytes(message[12 + size :])  # 640 samples of 16 bits at 16 kHz
    print(message)
