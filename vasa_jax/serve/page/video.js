// A video: send portrait and speech, watch the job, show what came of it.

const $ = (id) => document.getElementById(id);
const POLL = 400;
const PARTS = {
  wait: "waiting", "warm up": "warming up; it takes a minute", prepare: "looking at the portrait",
  sample: "finding the motion", decode: "drawing frames",
};

export function makeVideo(form, told, showMarks) {
  let running = null;

  async function speak() {
    const fields = form();
    if (!fields) return;
    told("sending");
    $("speak").disabled = true;
    $("stop").hidden = false;
    $("download").hidden = true;
    try {
      let job = await ask("api/jobs", { method: "POST", body: fields });
      running = job.id;
      while (job.state === "waiting" || job.state === "running") {
        show(job);
        await new Promise((done) => setTimeout(done, POLL));
        if (running === null) return told("stopped");
        job = await ask(`api/jobs/${running}`);
      }
      if (job.state !== "done") throw new Error(job.error ?? "the job was dropped");
      await finish(job);
    } catch (error) {
      told(error.message, true);
    } finally {
      running = null;
      $("speak").disabled = false;
      $("stop").hidden = $("progress").hidden = true;
    }
  }

  function show(job) {
    const before = job.before > 1 ? `, ${job.before - 1} before this one` : "";
    told(PARTS[job.part] + before);
    $("progress").hidden = false;
    if (job.done) {
      $("progress").max = job.total;
      $("progress").value = job.done;
    } else $("progress").removeAttribute("value");
  }

  async function finish(job) {
    const answer = await fetch(`api/jobs/${job.id}/video`);
    if (!answer.ok) throw new Error("the video is not there any more");
    const address = URL.createObjectURL(await answer.blob());
    $("talking").src = $("download").href = address;
    $("download").download = `talking-${job.marks.run.slice(0, 8)}.mp4`;
    $("talking").hidden = $("download").hidden = false;
    $("stage-none").hidden = true;
    $("talking").play().catch(() => {});
    showMarks(job.marks);
    told([...job.notes, ""].join("; "));
    fetch(`api/jobs/${job.id}`, { method: "DELETE" });
  }

  $("speak").addEventListener("click", speak);
  return () => {
    if (running !== null) fetch(`api/jobs/${running}`, { method: "DELETE" });
    running = null;
  };
}

export async function ask(address, options) {
  const answer = await fetch(address, options).catch(() => {
    throw new Error("the server does not answer");
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.error ?? `the server answered ${answer.status}`);
  return told;
}
