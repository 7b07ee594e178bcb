import { createApp } from 'vue';
import App from './App.vue';
import { start } from './bridge/terminal';
import '@yufu/tokens/tokens.css';
import './style/base.css';
import './style/frame.css';
import './style/parts.css';
import './style/home.css';
import './style/screens.css';
import './style/tall.css';
import './style/elder.css';
import './style/wide.css';
import './style/low.css';

// A long press, a right click, a dragged picture and two fingers do nothing.
for (const name of ['contextmenu', 'dragstart', 'selectstart', 'gesturestart']) {
	document.addEventListener(name, (event) => event.preventDefault(), { capture: true });
}
document.addEventListener(
	'touchmove',
	(event) => {
		if (event.touches.length > 1) event.preventDefault();
	},
	{ capture: true, passive: false },
);

createApp(App).mount('#app');
start();
