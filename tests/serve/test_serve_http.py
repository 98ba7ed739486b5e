"""The addresses of the server, without a network: what they do, and what they refuse."""

import io
import time
import warnings

import av
import numpy as np
import pytest
from made_uploads import form, picture, sound

from vasa_jax.inference.media_warning import MediaWarning
from vasa_jax.provenance.manifest import VALID, read_statement


def frames_of(data: bytes) -> int:
    with av.open(io.BytesIO(data)) as container:
        return sum(1 for _ in container.decode(video=0))


def wait_for(client, job, states=("done", "failed", "dropped")):
    for _ in range(200):
        told = client.get(f"/api/jobs/{job['id']}").json()
        if told["state"] in states:
            return told
        time.sleep(0.02)
    raise AssertionError(told)


def test_one_call_makes_a_signed_video(serve, animator, tmp_path):
    client = serve()
    sent = form(gaze="10,-5", emotion="happy:0.5", steps="10", seed="3", consent="me, in person", crop="false")
    answer = client.post("/api/animate", **sent)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "video/mp4"
    assert frames_of(answer.content) == 5
    path = tmp_path / "out.mp4"
    path.write_bytes(answer.content)
    statement = read_statement(path)
    assert (statement.signature, statement.run["consent"]) == (VALID, "me, in person")
    assert statement.run["visible_label"] == "AI-generated"
    assert statement.run["run"] == answer.headers["x-vasa-jax-run"]
    wanted = {"gaze": (10.0, -5.0), "emotion": "happy:0.5", "steps": 10, "seed": 3}
    assert animator.asked == [((80, 96, 3), 3200, 16_000, False, wanted)]


def test_a_job_tells_its_progress_and_keeps_its_video_until_it_is_removed(serve, animator):
    client = serve()
    animator.wait = 0.02
    job = client.post("/api/jobs", **form(consent="me")).json()
    assert job["state"] in ("waiting", "running")
    assert client.get(f"/api/jobs/{job['id']}/video").status_code == 404
    told = wait_for(client, job)
    assert (told["state"], told["part"], told["error"]) == ("done", "decode", None)
    assert told["marks"]["consent"] == "me"
    video = client.get(f"/api/jobs/{job['id']}/video")
    assert frames_of(video.content) == 5
    assert client.delete(f"/api/jobs/{job['id']}").status_code == 204
    assert client.get(f"/api/jobs/{job['id']}/video").status_code == 404


def test_the_bundled_files_need_no_upload(serve, animator):
    answer = serve().post("/api/animate", **form(portrait="bundled", speech="bundled"))
    assert answer.status_code == 200
    assert animator.asked[0][0] == (512, 512, 3)


def test_a_warning_reaches_the_one_who_asked(serve, animator):
    client, plain = serve(), animator.perform

    def heard(portrait, speech, **controls):
        if not np.abs(speech.samples()).max():
            warnings.warn("the audio is silent; the head will rest", MediaWarning, stacklevel=1)
        return plain(portrait, speech, **controls)

    animator.perform = heard
    silent, loud = (client.post("/api/jobs", **form(speech=sound(loud=loud))).json() for loud in (0.0, 0.3))
    assert wait_for(client, silent)["notes"] == ["the audio is silent; the head will rest"]
    assert wait_for(client, loud)["notes"] == []


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"portrait": b"not a picture" * 9}, 422, "the portrait is not a picture that can be read; give JPEG, PNG or"),
        ({"portrait": picture(size=(32, 32))}, 422, "the portrait is 32 x 32 pixels; give one of at least 64 x 64"),
        ({"portrait": picture()[:90]}, 422, "the picture is damaged or cut short: upload"),
        ({"portrait": b""}, 422, "the portrait is an empty file"),
        ({"portrait": "/etc/passwd"}, 422, 'the field portrait is a file, or the word "bundled"'),
        ({"portrait": None}, 422, 'the field portrait is a file, or the word "bundled"'),
        ({"speech": picture()}, 422, "the speech is not a sound that can be read"),
        ({"speech": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"}, 422, "the speech is not a sound that can be read"),
        ({"speech": sound(0.01)}, 422, "the audio lasts 10.0 ms; give at least one frame, 40 ms"),
        ({"speech": sound(3.0)}, 422, "the speech is longer than 2 s; give a shorter one"),
        ({"portrait": picture(size=(3000, 2000))}, 422, "the portrait has 3000 x 2000 pixels; reduce it to fewer"),
        ({"portrait": picture(light=0)}, 422, "no face was found in the portrait"),
        ({"steps": "51"}, 422, "the number of steps is 10, 25 or 50 here"),
        ({"steps": "1e9"}, 422, "steps is a whole number, not '1e9'"),
        ({"gaze": "up"}, 422, "the gaze is YAW,PITCH in degrees, such as 10,-5, not 'up'"),
        ({"distance": "nan"}, 422, "the distance is from 0.5 to 2, not nan"),
        ({"emotion": "bored"}, 422, "no emotion is called 'bored'; there are neutral, happy"),
        ({"label": "none"}, 422, "no field is called 'label'; there are seed, steps"),
        ({"consent": "x" * 501}, 422, "the consent is told in at most 500 letters"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_in_one_line(serve, changes, status, words):
    answer = serve(sound_seconds=2.0, pixels=5_000_000).post("/api/animate", **form(**changes))
    assert (answer.status_code, answer.json()["error"][: len(words)]) == (status, words)


def test_files_that_are_too_large_are_refused(serve):
    client = serve(picture_bytes=1000, sound_bytes=3000)
    large = client.post("/api/animate", **form(speech=sound(0.2)))
    assert (large.status_code, large.json()["error"]) == (413, "the speech has more than 0 MB; give a smaller one")
    huge = client.post("/api/animate", **form(portrait=bytes(2_000_000)))
    assert (huge.status_code, huge.json()["error"]) == (413, "a request has at most 1 MB")

    def pieces():
        for _ in range(40):
            yield bytes(50_000)

    headers = {"content-type": "multipart/form-data; boundary=x"}
    unsaid = client.post("/api/animate", content=pieces(), headers=headers)
    assert unsaid.status_code in (400, 413)


@pytest.mark.parametrize("content", [b"", b"--x", b"--x\r\nContent-Disposition: form-data\r\n\r\n", b"\x00" * 500])
def test_a_damaged_form_is_refused(serve, content):
    answer = serve().post("/api/animate", content=content, headers={"content-type": "multipart/form-data; boundary=x"})
    assert answer.status_code in (400, 422)
    assert "error" in answer.json()


def test_a_full_queue_and_a_greedy_client_are_told_so(serve, animator):
    client = serve(queue=3, client_jobs=2, forgotten_seconds=600.0)
    animator.wait = 600.0
    for _ in range(2):
        assert client.post("/api/jobs", **form()).status_code == 202
    greedy = client.post("/api/jobs", **form())
    assert (greedy.status_code, greedy.headers["retry-after"]) == (429, "5")
    other = {"x-forwarded-for": "10.0.0.2"}
    assert client.post("/api/jobs", **form(), headers=other).status_code == 202
    full = client.post("/api/jobs", **form(), headers=other)
    assert (full.status_code, full.json()["error"]) == (503, "the queue is full; try again")


def test_a_job_nobody_asks_for_is_dropped_and_gives_its_place_back(serve, animator):
    client = serve(queue=1, forgotten_seconds=0.2)
    animator.wait = 0.05
    job = client.post("/api/jobs", **form(speech=sound(2.0))).json()
    assert client.post("/api/jobs", **form()).status_code == 503
    time.sleep(0.5)
    assert client.post("/api/jobs", **form()).status_code == 202
    assert client.get(f"/api/jobs/{job['id']}").json()["state"] == "dropped"


def test_a_job_that_runs_too_long_is_ended(serve, animator):
    client = serve(job_seconds=0.1)
    animator.wait = 0.05
    told = wait_for(client, client.post("/api/jobs", **form(speech=sound(2.0))).json())
    assert (told["state"], told["error"]) == ("failed", "the job ran longer than 0.1 s; give a shorter speech")


def test_finished_videos_are_forgotten_after_a_while(serve):
    client = serve(kept_seconds=0.2)
    job = client.post("/api/jobs", **form()).json()
    wait_for(client, job)
    time.sleep(0.3)
    assert client.get(f"/api/jobs/{job['id']}").status_code == 404


def test_an_error_of_ours_is_told_without_its_inside(serve, animator):
    client = serve()
    animator.perform = lambda *_, **__: 1 / 0
    told = wait_for(client, client.post("/api/jobs", **form()).json())
    assert told["error"] == "something went wrong here; the server's log says what"


def test_nothing_is_left_on_the_disk(serve, own_folders):
    client = serve()
    for portrait in (picture(), b"broken"):
        client.post("/api/animate", **form(portrait=portrait))
    assert [path.name for path in client.scratch.folder.rglob("*")] == ["lock"]
    assert list((own_folders / "temporary").iterdir()) == [client.scratch.folder]


def test_health_and_metrics(serve):
    client = serve()
    client.post("/api/animate", **form())
    client.post("/api/animate", **form(steps="7"))
    assert client.get("/health").json()["status"] == "ok"
    lines = client.get("/metrics").text.splitlines()
    assert 'vasa_jax_jobs_total{state="done"} 1' in lines
    assert 'vasa_jax_answers_total{status="422"} 1' in lines
    assert "vasa_jax_jobs 0" in lines


def test_the_page_asks_nothing_of_other_servers(serve):
    client = serve()
    answer = client.get("/")
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    for name in ("main.js", "inputs.js", "live.js", "video.js", "pad.js", "style.css", "icon.svg"):
        text = client.get(f"/{name}").text
        assert "//" not in text.replace("// ", "").replace("http://www.w3.org/2000/svg", ""), name
    assert client.get("/bundled/portrait").headers["content-type"] == "image/png"


@pytest.mark.parametrize("path", ["/../app.py", "/%2e%2e/app.py", "/..%2fapp.py", "//etc/passwd", "/bundled/../app.py"])
def test_no_path_leads_out_of_the_page(serve, path):
    assert serve().get(path).status_code == 404
