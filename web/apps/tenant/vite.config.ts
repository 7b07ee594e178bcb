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

export default defineConfig({
	// Where the server serves the built pages.
	base: '/m/',
	plugins: [withoutRoot, uni()],
	// Shared code is linked by npm. With its real path, which lies outside this folder, the
	// mini-program builds would write files outside theirs.
	resolve: { preserveSymlinks: true },
	build: { target: ['es2020', 'chrome87', 'safari14'], assetsInlineLimit: 0 },
	server: { host: '127.0.0.1' },
});
