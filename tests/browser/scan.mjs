// A QR code read off a picture of the screen, as a phone's camera reads it: by a library that has
// nothing to do with the one that drew it.

import jsQR from 'jsqr';
import { PNG } from 'pngjs';

/** What the code in a PNG says; null where there is none. */
export function scanned(png) {
	const { data, width, height } = PNG.sync.read(png);
	return jsQR(new Uint8ClampedArray(data), width, height)?.data ?? null;
}

/** A PNG of a display's memory, which is a file of X11's XWDFile.h, version 7: a head of 32-bit
 * numbers, its colours, then rows of blue, green, red and nothing. */
export function png(xwd) {
	const word = (at) => xwd.readUInt32BE(at * 4);
	const [head, width, height, stride, colours] = [0, 4, 5, 12, 19].map(word);
	const from = head + colours * 12;
	const out = new PNG({ width, height });
	for (let y = 0; y < height; y += 1) {
		for (let x = 0; x < width; x += 1) {
			const [at, to] = [from + y * stride + x * 4, (y * width + x) * 4];
			out.data[to] = xwd[at + 2];
			out.data[to + 1] = xwd[at + 1];
			out.data[to + 2] = xwd[at];
			out.data[to + 3] = 255;
		}
	}
	return PNG.sync.write(out);
}
