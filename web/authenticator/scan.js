// Reading a code with the camera, where the browser can.

/** How often a picture is looked at. */
const EVERY_MS = 200;

/** @returns {any} */
const detector = () => /** @type {any} */ (globalThis).BarcodeDetector;

/** Whether this browser reads QR codes. */
export async function canScan() {
  if (!detector() || !navigator.mediaDevices?.getUserMedia) return false;
  const formats = await detector().getSupportedFormats().catch(() => []);
  return formats.includes('qr_code');
}

/**
 * The text of the first code that is seen; nothing if it was stopped.
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} stop
 * @param {(text: string) => boolean} isWanted
 * @returns {Promise<string | undefined>}
 */
export async function scan(video, stop, isWanted) {
  const camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  try {
    video.srcObject = camera;
    await video.play();
    const reader = new (detector())({ formats: ['qr_code'] });
    while (!stop.aborted) {
      const codes = await reader.detect(video).catch(() => []);
      const found = codes.find((/** @type {{rawValue: string}} */ code) => isWanted(code.rawValue));
      if (found) return found.rawValue;
      await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
    }
    return undefined;
  } finally {
    for (const track of camera.getTracks()) track.stop();
    video.srcObject = null;
  }
}
