// The pad: a point that is dragged, in degrees to the picture's right and up.

const REACH = 30;

export function makePad(pad, shown, changed) {
  const point = pad.querySelector("i");
  let gaze = [0, 0];

  function set(yaw, pitch) {
    const clamp = (value) => Math.round(Math.max(-REACH, Math.min(REACH, value)));
    gaze = [clamp(yaw), clamp(pitch)];
    point.style.left = `${50 + (50 * gaze[0]) / REACH}%`;
    point.style.top = `${50 - (50 * gaze[1]) / REACH}%`;
    shown.value = gaze.join(", ");
    pad.setAttribute("aria-valuetext", `${gaze[0]} degrees right, ${gaze[1]} up`);
    changed();
  }

  function follow(event) {
    const box = pad.getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width, down = (event.clientY - box.top) / box.height;
    set((2 * across - 1) * REACH, (1 - 2 * down) * REACH);
  }

  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    follow(event);
  });
  pad.addEventListener("pointermove", (event) => {
    if (pad.hasPointerCapture(event.pointerId)) follow(event);
  });
  pad.addEventListener("dblclick", () => set(0, 0));
  pad.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-2, 0], ArrowRight: [2, 0], ArrowUp: [0, 2], ArrowDown: [0, -2] }[event.key];
    if (!way) return;
    event.preventDefault();
    set(gaze[0] + way[0], gaze[1] + way[1]);
  });
  return () => gaze;
}
