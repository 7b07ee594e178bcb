// A kiosk as it stands in a hall, but for its metal: a panel of 1080 by 1920, a window manager, the
// program under WebKit's driver, and a receipt printer on the network.

import { execFile, spawn } from 'node:child_process';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { png } from './scan.mjs';
import { driver, Page, until } from './webdriver.mjs';

const SHOTS = process.env.YUFU_ARTIFACTS;
/** How long a print may take, in milliseconds. */
const PRINT_MS_MAX = 30_000;

/** The first line of what a process says. */
const first_line = (child) =>
	new Promise((ready, failed) => {
		let text = '';
		child.stdout.on('data', (part) => {
			text += part;
			if (text.includes('\n')) ready(text.split('\n')[0].trim());
		});
		child.on('error', failed);
		child.on('exit', (code) => failed(new Error(`${child.spawnfile} ended with ${code}`)));
	});

export class Cabinet {
	/** Everything but the kiosk's own program, then that. */
	static async open({ programs, folder, server, panel = '1080x1920x24' }) {
		const cabinet = new Cabinet();
		Object.assign(cabinet, { programs, folder, others: [], shots: 0 });
		cabinet.papers = join(folder, 'papers');
		await rm(folder, { recursive: true, force: true });
		await mkdir(cabinet.papers, { recursive: true });
		const screen = ['-displayfd', '1', '-screen', '0', panel, '-nolisten', 'tcp', '-fbdir', folder];
		const display = cabinet.also('Xvfb', screen);
		const name = `:${await first_line(display)}`;
		const env = {
			...process.env,
			DISPLAY: name,
			GDK_BACKEND: 'x11',
			NO_AT_BRIDGE: '1',
			WEBKIT_DISABLE_DMABUF_RENDERER: '1',
			RUNTIME_DIRECTORY: folder,
			STATE_DIRECTORY: folder,
		};
		cabinet.also('openbox', [], env);
		await cabinet.printer();
		const printer = `[printer]\nkind = "network"\naddress = "${cabinet.printer_at}"\n`;
		const config = join(folder, 'kiosk.toml');
		await writeFile(config, `server = "${server}"\nhardware = "cabinet of the tests"\ndemo = true\n${printer}`);
		// The driver knows no redirection: what the program says goes where it can be read later.
		cabinet.log = join(folder, 'kiosk.log');
		const binary = join(folder, 'kiosk.sh');
		const words = [join(programs, 'kiosk'), '--config', config].map((word) => `'${word}'`).join(' ');
		await writeFile(binary, `#!/bin/sh\necho $$ >'${folder}/kiosk.pid'\nexec ${words} 2>>'${cabinet.log}'\n`, { mode: 0o755 });
		cabinet.binary = binary;
		cabinet.env = env;
		await cabinet.start();
		return cabinet;
	}

	also(program, words, env = process.env) {
		const child = spawn(program, words, { env, stdio: ['ignore', 'pipe', 'ignore'] });
		child.on('error', () => console.error(`${program} is missing: scripts/prepare test`));
		this.others.push(child);
		return child;
	}

	async printer() {
		const ready = join(this.folder, 'printer.ready');
		const words = ['printer', '--listen', '127.0.0.1:0', '--papers', this.papers, '--ready', ready];
		this.also(join(this.programs, 'simulator'), words);
		const lines = await until('the printer', () => readFile(ready, 'utf8').catch(() => ''));
		this.printer_at = /printer=(.*)/.exec(lines)[1].trim();
	}

	/** Starts the program; its page when it answers. */
	async start() {
		this.driver = await driver(this.env);
		const at = performance.now();
		this.page = await Page.open(this.driver, (x, y) => this.touch(x, y), this.binary);
		await until('the first screen', () => this.page.run('return !!document.querySelector("main")'));
		this.cold = performance.now() - at;
		return this.page;
	}

	/** A finger at a point of the panel. */
	async touch(x, y) {
		const words = ['mousemove', x, y, 'click', '1'].map(String);
		await promisify(execFile)('xdotool', words, { env: this.env }).catch((fault) => {
			throw new Error(`xdotool: ${fault.message}; scripts/prepare test installs it`);
		});
	}

	/** Pulls the plug of the program, and of the driver that holds its other end. */
	async kill() {
		process.kill(Number(await readFile(join(this.folder, 'kiosk.pid'), 'utf8')), 'SIGKILL');
		this.driver.end();
	}

	/** The picture of a receipt that came out, by its number. */
	async receipt(number) {
		const name = `receipt-${number}.png`;
		const there = async () => (await readdir(this.papers)).includes(name);
		await until(`receipt ${number}`, there, PRINT_MS_MAX);
		const bytes = await readFile(join(this.papers, name));
		await this.keep(`receipt-${number}`, bytes);
		return bytes;
	}

	/** What stands on the panel, as a PNG: the display's own memory. (The driver's picture waits for
	 * the next stroke of the page, which on a screen that stands still is the next minute.) */
	async seen() {
		const memory = () => readFile(join(this.folder, 'Xvfb_screen0'));
		// What the page holds already may still be on its way to the panel.
		let before = await memory();
		await until('a screen that stands still', async () => {
			const now = await memory();
			const still = now.equals(before);
			before = now;
			return still;
		});
		return png(before);
	}

	/** Keeps a picture of the screen. */
	async picture(name) {
		this.shots += 1;
		await this.keep(`${String(this.shots).padStart(2, '0')}-${name}`, await this.seen());
	}

	async keep(name, bytes) {
		if (!SHOTS) return;
		const folder = join(SHOTS, 'kiosk');
		await mkdir(folder, { recursive: true });
		await writeFile(join(folder, `${name}.png`), bytes);
	}

	/** The end of what the program said. */
	async said() {
		const text = await readFile(this.log, 'utf8').catch(() => '');
		return text.split('\n').slice(-40).join('\n');
	}

	/** Ends everything. */
	async close() {
		await this.page?.close().catch(() => {});
		this.driver?.end();
		for (const child of this.others.reverse()) child.kill();
	}
}
