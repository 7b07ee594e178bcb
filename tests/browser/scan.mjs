// A QR code read off a picture of the screen, as a phone's camera reads it: by a library that has
// nothing to do with the one that drew it.

import jsQR from 'jsqr';
import { PNG } from 'pngjs';

/** What the code in a PNG says; null where there is none. */
export function scanned(png) {
	const { data, width, height } = PNG.sync.read(png);
	return jsQR(new Uint8ClampedArray(data), width, height)?.data ?? null;
}
