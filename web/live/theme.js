// Before the first paint: the theme of the device, as the tokens name it.
(() => {
	const root = document.documentElement;
	const follow = (query, set) => {
		const list = matchMedia(query);
		const apply = () => set(list.matches);
		list.addEventListener('change', apply);
		apply();
	};
	follow('(prefers-color-scheme: dark)', (dark) => {
		if (dark) root.setAttribute('theme-mode', 'dark');
		else root.removeAttribute('theme-mode');
	});
	follow('(prefers-contrast: more)', (more) => {
		if (more) root.dataset.contrast = 'more';
		else delete root.dataset.contrast;
	});
})();
