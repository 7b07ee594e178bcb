import vue from '@vitejs/plugin-vue';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
	// The page lies under Tauri's own scheme in the kiosk and under a token in development.
	base: './',
	plugins: [vue()],
	resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
	build: {
		target: 'safari17',
		// Nothing is put inline: the policy of the window lets nothing inline through.
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
	},
	server: { host: '127.0.0.1' },
});
