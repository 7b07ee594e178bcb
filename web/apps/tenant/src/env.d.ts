/// <reference types="vite/client" />

declare module '*.vue' {
	import type { DefineComponent } from 'vue';
	const component: DefineComponent<object, object, unknown>;
	export default component;
}

interface ImportMetaEnv {
	/** Where a mini-program finds the API, with its origin; pages in a browser ask their own. */
	readonly VITE_YUFU_API?: string;
}
