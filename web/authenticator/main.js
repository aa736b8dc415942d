// The app begins here.
import { byId } from './dom.js';
import { choose, left, say, speak } from './words.js';

const chosen = choose(undefined, navigator.languages);
const answer = await fetch(new URL(`words/${chosen.language}.json`, import.meta.url));
speak(await answer.json(), chosen);
byId('brand').textContent = say('request-title', { name: left(0) });
