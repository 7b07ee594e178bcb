// The voices of this machine. One that speaks somewhere else is none.

import type { Language } from '@yufu/domain';
import { ref } from 'vue';

const voices = ref<SpeechSynthesisVoice[]>([]);
const speech = 'speechSynthesis' in window ? window.speechSynthesis : undefined;

function look(): void {
	voices.value = speech?.getVoices().filter((voice) => voice.localService) ?? [];
}
look();
speech?.addEventListener?.('voiceschanged', look);

/** A voice of a language that lies on this machine. */
export const voiceOf = (language: Language): SpeechSynthesisVoice | undefined =>
	voices.value.find((voice) => voice.lang.toLowerCase().startsWith(language.slice(0, 2)));

/** Slower than people talk, so that it can be followed. */
const RATE = 0.85;

/** Says it, and nothing else any more. */
export function speak(text: string, voice: SpeechSynthesisVoice | undefined): void {
	speech?.cancel();
	if (!speech || !voice || !text) return;
	const said = new SpeechSynthesisUtterance(text);
	said.voice = voice;
	said.lang = voice.lang;
	said.rate = RATE;
	speech.speak(said);
}
