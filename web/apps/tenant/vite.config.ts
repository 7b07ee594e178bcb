import { defineConfig } from 'vite';
import uniPlugin from '@dcloudio/vite-plugin-uni';

// The plugin is CommonJS: how its default arrives depends on who loads this file.
const uni = (uniPlugin as unknown as { default?: typeof uniPlugin }).default ?? uniPlugin;

/** Takes the selectors of the web out of the shared tokens: a mini-program knows no `:root`. */
const withoutRoot = {
	name: 'tokens-without-root',
	enforce: 'pre' as const,
	transform(code: string, id: string) {
		if (!id.endsWith('/tokens.css') || !process.env.UNI_PLATFORM?.startsWith('mp-')) return null;
		return code.replace(/^:root[^,{]*,\n/gm, '');
	},
};

const h5 = process.env.UNI_PLATFORM === 'h5';

/** The framework fetches a picture of its own maker's three seconds after the start; we do not. */
const withoutShadow = {
	name: 'no-foreign-shadow',
	enforce: 'pre' as const,
	transform(code: string, id: string) {
		if (!id.endsWith('/shadow.css')) return null;
		return code.replace(/@keyframes shadow-preload[\s\S]*$/, '').replace(/body::after\s*\{[^}]*\}/, '');
	},
};

/**
 * Few files: on a phone's line each further round of requests costs more than all of our parts
 * together, and a browser asks for six at a time. The pages where people arrive come with the
 * parts; what one other page alone needs stays with that page.
 */
function chunkOf(id: string): string | undefined {
	if (id.includes('.css')) return undefined;
	const ours = /\/src\/(components|state|pages\/(home|welcome))\/|\/@yufu\/(api|domain)\//;
	if (ours.test(id)) return 'parts';
	return /\/node_modules\/(@?vue|@dcloudio)\//.test(id) ? 'frame' : undefined;
}

export default defineConfig({
	// Where the server serves the built pages.
	base: '/m/',
	plugins: [withoutRoot, uni(), ...(h5 ? [withoutShadow] : [])],
	// Shared code is linked by npm. With its real path, which lies outside this folder, the
	// mini-program builds would write files outside theirs.
	resolve: { preserveSymlinks: true },
	build: {
		target: ['es2020', 'chrome87', 'safari14'],
		assetsInlineLimit: 0,
		rollupOptions: h5 ? { output: { manualChunks: chunkOf } } : {},
	},
	server: { host: '127.0.0.1' },
});
