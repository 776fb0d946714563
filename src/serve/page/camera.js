// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The camera's dialog: what it sees, and pictures of that, lossless.
 *
 * @module
 */
import { get } from "./dom.js";

/** Why there is no picture, by the name of the browser's error. @type {Record<string, string>} */
const REASONS = {
  NotAllowedError:
    "The browser was told not to let this page use the camera. The sign beside the address lets you allow it.",
  NotFoundError: "There is no camera.",
  NotReadableError: "The camera can’t be used: another program may have it.",
  OverconstrainedError: "The camera that was chosen is not there any more.",
};

/** @param {(picture: Blob, name: string) => void} onPicture */
export function prepareCamera(onPicture) {
  const dialog = get("camera", HTMLDialogElement), video = get("camera-video", HTMLVideoElement);
  const source = get("camera-source", HTMLSelectElement), take = get("camera-take", HTMLButtonElement);
  const trouble = get("camera-error"), last = get("camera-last");
  /** @type {MediaStream | null} */
  let stream = null;
  let count = 0, starts = 0;

  const stop = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = video.srcObject = null;
    take.disabled = true;
  };

  /** @param {string} device */
  const start = async (device) => {
    stop();
    const mine = ++starts;
    trouble.hidden = true;
    try {
      // As many pixels as it has, within what models see of them; on a phone the camera at its back.
      const size = { width: { ideal: 1920 }, height: { ideal: 1080 } };
      const which = device ? { deviceId: { exact: device } } : { facingMode: "environment" };
      if (!navigator.mediaDevices) {
        throw new Error("Browsers give cameras to pages from https addresses and from localhost only.");
      }
      const started = await navigator.mediaDevices.getUserMedia({
        video: { ...which, ...size },
        audio: false,
      });
      if (!dialog.open || mine !== starts) { // closed meanwhile, or another was chosen
        for (const track of started.getTracks()) track.stop();
        return;
      }
      stream = video.srcObject = started;
      started.getVideoTracks()[0].addEventListener("ended", () => {
        stop();
        tell("The camera has gone.");
      });
      await listSources();
      await video.play();
      take.disabled = false;
      take.focus();
    } catch (error) {
      stop();
      const { name, message } = /** @type {Error} */ (error);
      tell(REASONS[name] ?? message);
    }
  };

  const listSources = async () => {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) =>
      kind === "videoinput"
    );
    const used = stream?.getVideoTracks()[0].getSettings().deviceId;
    source.replaceChildren(
      ...cameras.map(({ deviceId, label }, i) =>
        new Option(label || `Camera ${i + 1}`, deviceId, false, deviceId === used)
      ),
    );
  };

  /** @param {string} message */
  const tell = (message) => {
    trouble.textContent = message;
    trouble.hidden = false;
  };

  take.addEventListener("click", async () => {
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d")).drawImage(video, 0, 0);
    const name = `camera-${stamp()}-${++count}.png`;
    onPicture(await canvas.convertToBlob({ type: "image/png" }), name);
    last.textContent = `${name} taken`;
  });
  source.addEventListener("change", () => start(source.value));
  get("camera-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", stop);
  get("camera-open").addEventListener("click", () => {
    last.textContent = "";
    dialog.showModal();
    start("");
  });
}

/** The local time as names have it: 2026-11-29-153012. */
export function stamp() {
  const now = new Date(), two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("-");
  return `${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}
