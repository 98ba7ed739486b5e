// The page: what is chosen on the left goes into a form; a video or a live stream comes of it on the right.

import { makePortrait, makeSpeech } from "./inputs.js";
import { makeLive } from "./live.js";
import { makePad } from "./pad.js";
import { ask, makeVideo } from "./video.js";

const $ = (id) => document.getElementById(id);
const SHOWN_MARKS = ["visible_label", "invisible_mark", "manifest", "consent", "model", "version", "run", "time"];
const FAST = "fast";
const MORE = ["seed", "steps", "audio_cfg", "gaze_cfg", "emotion_cfg"];

function told(message, wrong = false) {
  $("status").textContent = message;
  $("status").classList.toggle("wrong", wrong);
}

function showMarks(marks) {
  const list = document.querySelector("#marks dl");
  const rows = { manifest: "signed, C2PA", ...marks };
  list.replaceChildren(...SHOWN_MARKS.flatMap((name) => {
    const term = document.createElement("dt"), said = document.createElement("dd");
    term.textContent = name.replaceAll("_", " ");
    said.textContent = rows[name];
    said.dataset.mark = name;
    return [term, said];
  }));
  $("marks").hidden = false;
}

function setMode(mode) {
  document.body.dataset.mode = mode;
  $("tab-video").setAttribute("aria-selected", mode === "video");
  $("tab-live").setAttribute("aria-selected", mode === "live");
  $("live").hidden = mode !== "live" || !$("live").srcObject;
  $("talking").hidden = mode !== "video" || !$("talking").src;
  $("stage-none").hidden = !$("live").hidden || !$("talking").hidden;
  $("marks").hidden = true;
  told("");
}

// Fields that both ways share; null, and a word about it, where one is missing.
function form(portrait) {
  const consent = $("consent").value.trim();
  $("consent").classList.toggle("missing", !consent);
  if (!portrait) return told("choose a portrait first", true);
  if (!consent) {
    $("consent").focus();
    return told("say first who is shown, and how they agreed", true);
  }
  const fields = new FormData();
  fields.set("portrait", portrait);
  fields.set("consent", consent);
  return fields;
}

async function begin() {
  setMode("video");
  const about = await ask("api/about");
  $("model").textContent = `${about.model} · ${about.version}`;
  if (about.state !== "ready") told("the server is still warming up; what you ask for now begins after that");
  about.emotions.forEach((name) => $("emotion").add(new Option(name, name)));
  about.steps.forEach((count) => $("steps").add(new Option(count, count)));
  if (about.fast) $("steps").add(new Option("4, by the student", FAST));
  $("steps").value = 50;

  let live = null, distanceTouched = false;
  const changed = () => live?.change();
  const gaze = makePad($("gaze"), $("gaze-shown"), changed);
  const portrait = makePortrait(about, told), speech = makeSpeech(about, told);
  const emotion = () => ($("emotion").value ? `${$("emotion").value}:${$("strength").value}` : "neutral");
  const wishes = () => ({
    gaze: gaze(), emotion: emotion(), ...(distanceTouched && { distance: Number($("distance").value) }),
  });

  function videoForm() {
    const fields = form(portrait());
    if (!fields) return null;
    if (!speech()) return told("choose a speech first", true);
    fields.set("speech", speech());
    Object.entries(wishes()).forEach(([name, value]) => fields.set(name, value));
    MORE.forEach((name) => fields.set(name, $(name).value));
    if ($("steps").value === FAST) {
      fields.delete("steps");
      fields.set("fast", "true");
    }
    return fields;
  }

  const stopVideo = makeVideo(videoForm, told, showMarks);
  live = makeLive(() => form(portrait()), wishes, told, showMarks);
  const stop = () => {
    stopVideo();
    live.stop();
  };
  $("stop").addEventListener("click", stop);
  $("tab-video").addEventListener("click", () => (stop(), setMode("video")));
  $("tab-live").addEventListener("click", () => (stop(), setMode("live")));
  $("distance").addEventListener("input", () => (distanceTouched = true));
  ["emotion", "strength", "distance"].forEach((id) => $(id).addEventListener("input", changed));
  document.querySelectorAll("output[for]").forEach((output) => {
    const range = $(output.htmlFor.value);
    const show = () => (output.value = Number(range.value).toFixed(2));
    range.addEventListener("input", show);
    show();
  });
}

begin().catch((error) => told(error.message, true));
