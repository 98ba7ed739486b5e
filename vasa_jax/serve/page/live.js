// Live: the microphone goes to the server, a talking face comes back, and wishes go along while it speaks.

import { ask } from "./video.js";

const $ = (id) => document.getElementById(id);
const GATHER = 2000;

export function makeLive(form, wishes, told, showMarks) {
  let session = null;

  async function start() {
    const fields = form();
    if (!fields) return;
    $("talk").disabled = true;
    told("asking for the microphone");
    try {
      const microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true } });
      session = open(microphone);
      fields.set("offer", await offer(session));
      told("starting; the first time takes a while");
      const answer = await ask("api/live", { method: "POST", body: fields });
      session.id = answer.id;
      await session.peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      showMarks(answer.marks);
      $("stop").hidden = false;
      told(answer.notes.join("; ") || "speak");
    } catch (error) {
      stop();
      told(error.message, true);
    }
  }

  function open(microphone) {
    const peer = new RTCPeerConnection();
    const made = { peer, microphone, channel: peer.createDataChannel("wishes"), id: null };
    microphone.getAudioTracks().forEach((track) => peer.addTrack(track, microphone));
    peer.addTransceiver("video", { direction: "recvonly" });
    const stream = new MediaStream();
    peer.ontrack = (event) => {
      stream.addTrack(event.track);
      $("live").srcObject = stream;
      $("live").hidden = false;
      $("stage-none").hidden = true;
    };
    peer.onconnectionstatechange = () => {
      if (["failed", "closed", "disconnected"].includes(peer.connectionState) && session === made) {
        stop();
        told("the connection ended", true);
      }
    };
    made.channel.onmessage = (event) => hear(made, JSON.parse(event.data));
    made.channel.onopen = () => change();
    return made;
  }

  // Candidates are sent within the offer; those that are not found soon are done without.
  async function offer({ peer }) {
    await peer.setLocalDescription();
    if (peer.iceGatheringState !== "complete") {
      await new Promise((done) => {
        setTimeout(done, GATHER);
        peer.addEventListener("icegatheringstatechange", () => peer.iceGatheringState === "complete" && done());
      });
    }
    return peer.localDescription.sdp;
  }

  async function hear(made, message) {
    if (message.error) return told(message.error, true);
    if (message.done) return stop();
    if (message.delay == null) return;
    const network = await networkDelay(made.peer);
    const whole = Math.round(1000 * (message.delay + network));
    $("delay").textContent = `delay ${whole} ms, of which ${Math.round(1000 * network)} ms network and buffer`
      + (message.left_out ? `; ${message.left_out.toFixed(1)} s left out: this machine is slower than speech` : "");
    $("delay").dataset.ms = whole;
  }

  async function networkDelay(peer) {
    let trip = 0, buffer = 0;
    for (const part of (await peer.getStats()).values()) {
      if (part.type === "candidate-pair" && part.nominated) trip = part.currentRoundTripTime ?? 0;
      if (part.type === "inbound-rtp" && part.kind === "video" && part.jitterBufferEmittedCount) {
        buffer = part.jitterBufferDelay / part.jitterBufferEmittedCount;
      }
    }
    return trip + buffer;
  }

  function change() {
    if (session?.channel.readyState === "open") session.channel.send(JSON.stringify(wishes()));
  }

  function stop() {
    const ended = session;
    session = null;
    $("talk").disabled = false;
    $("stop").hidden = true;
    $("delay").textContent = "";
    told("");
    if (!ended) return;
    ended.microphone.getTracks().forEach((track) => track.stop());
    const close = () => ended.peer.close(); // after the server has been told, which else finds the session gone
    if (ended.id) fetch(`api/live/${ended.id}`, { method: "DELETE", keepalive: true }).then(close, close);
    else close();
  }

  $("talk").addEventListener("click", start);
  $("mute").addEventListener("change", () => ($("live").muted = $("mute").checked));
  window.addEventListener("pagehide", stop);
  return { stop, change };
}
