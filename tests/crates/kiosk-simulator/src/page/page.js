// Looks every second whether there is more paper, and draws only what has changed.
const paper = document.getElementById('paper')
let shown = ''

async function look() {
  try {
    const answer = await fetch('/paper')
    const html = await answer.text()
    if (answer.ok && html !== shown) {
      paper.innerHTML = html
      shown = html
    }
  } catch {
    // The printer's program has ended; what came out stays on the page.
  }
  setTimeout(look, 1000)
}

look()
