// Portrait and speech: from a file, from webcam or microphone, or the sample. What was chosen is a Blob or "bundled".

const $ = (id) => document.getElementById(id);

export function makePortrait(limits, told) {
  let chosen = null, camera = null;

  function show(source, address) {
    chosen = source;
    closeCamera();
    $("portrait-shown").src = address;
    $("portrait-shown").hidden = false;
    $("portrait-none").hidden = true;
    told("");
  }

  function closeCamera() {
    camera?.getTracks().forEach((track) => track.stop());
    camera = null;
    $("webcam").hidden = true;
    $("portrait-webcam").textContent = "Webcam";
  }

  async function openCamera() {
    camera = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
    $("webcam").srcObject = camera;
    await $("webcam").play();
    $("webcam").hidden = false;
    $("portrait-shown").hidden = $("portrait-none").hidden = true;
    $("portrait-webcam").textContent = "Take";
  }

  async function takePicture() {
    const canvas = document.createElement("canvas");
    canvas.width = $("webcam").videoWidth;
    canvas.height = $("webcam").videoHeight;
    canvas.getContext("2d").drawImage($("webcam"), 0, 0);
    const picture = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
    show(picture, URL.createObjectURL(picture));
  }

  $("portrait-file").addEventListener("change", (event) => {
    const file = event.target.files[0];
    if (!file) return;
    if (file.size > limits.picture_bytes) return told(`the portrait has more than ${limits.picture_bytes >> 20} MB`, true);
    show(file, URL.createObjectURL(file));
  });
  $("portrait-webcam").addEventListener("click", () =>
    (camera ? takePicture() : openCamera()).catch((error) => told(`no webcam: ${error.message}`, true)));
  $("portrait-bundled").addEventListener("click", () => {
    show("bundled", "bundled/portrait");
    if (!$("consent").value) $("consent").value = "nobody is shown: the sample is computer-made";
  });
  return () => chosen;
}

export function makeSpeech(limits, told) {
  let chosen = null, recorder = null;

  function show(source, address) {
    chosen = source;
    $("speech-heard").src = address;
    $("speech-heard").hidden = false;
    $("speech-none").hidden = true;
    told("");
  }

  async function record() {
    const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
    const pieces = [];
    recorder = new MediaRecorder(microphone);
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstop = () => {
      microphone.getTracks().forEach((track) => track.stop());
      const sound = new Blob(pieces, { type: recorder.mimeType });
      recorder = null;
      $("speech-record").textContent = "Microphone";
      $("speech-record").classList.remove("recording");
      show(sound, URL.createObjectURL(sound));
    };
    recorder.start();
    const mine = recorder;
    setTimeout(() => mine.state === "recording" && mine.stop(), 1000 * limits.sound_seconds - 500);
    $("speech-record").textContent = "Stop";
    $("speech-record").classList.add("recording");
  }

  $("speech-file").addEventListener("change", (event) => {
    const file = event.target.files[0];
    if (!file) return;
    if (file.size > limits.sound_bytes) return told(`the speech has more than ${limits.sound_bytes >> 20} MB`, true);
    show(file, URL.createObjectURL(file));
  });
  $("speech-record").addEventListener("click", () => {
    if (recorder) return recorder.stop();
    record().catch((error) => told(`no microphone: ${error.message}`, true));
  });
  $("speech-bundled").addEventListener("click", () => show("bundled", "bundled/speech"));
  return () => chosen;
}
