// What films this page can play. A kiosk whose decoder is missing says so in its heartbeat.

const ASKED: readonly [name: string, type: string][] = [
	['mp4', 'video/mp4; codecs="avc1.42E01E"'],
	['webm', 'video/webm; codecs="vp8"'],
];

const film = document.createElement('video');

/** Names of what plays: `mp4`, `webm`. */
export const played: string[] = ASKED.filter(([, type]) => film.canPlayType(type) !== '').map(
	([name]) => name,
);
