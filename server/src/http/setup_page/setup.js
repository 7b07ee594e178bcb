// Sets the first password of an account with the secret behind # in the link.
'use strict';

const $ = (id) => document.getElementById(id);
const token = location.hash.slice(1);
// The secret does not stay in the address, where the history would keep it.
history.replaceState(null, '', location.pathname);

function complain(text) {
	$('trouble').textContent = text;
	$('trouble').hidden = !text;
}

async function send() {
	const answer = await fetch('/api/operator/v1/setup', {
		method: 'POST',
		headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify({ token, password: $('password').value }),
	});
	const body = await answer.json();
	if (!answer.ok) {
		complain(`${body.title}。${body.detail}`);
		return;
	}
	$('form').hidden = true;
	$('done').textContent = `密码已设置，登录名是 ${body.login}。 / The password is set; sign in as ${body.login}.`;
	$('done').hidden = false;
}

$('form').addEventListener('submit', async (event) => {
	event.preventDefault();
	complain('');
	if ([...$('password').value].length < 10) {
		complain('密码至少 10 个字符。 / At least 10 characters.');
		return;
	}
	if ($('password').value !== $('again').value) {
		complain('两次输入不一样。 / The two are not the same.');
		return;
	}
	$('send').disabled = true;
	try {
		await send();
	} catch {
		complain('连不上服务器，请稍后再试。 / The server cannot be reached, try again later.');
	} finally {
		$('send').disabled = false;
	}
});

if (!token) complain('链接不完整，请从头复制。 / The link is not whole, copy all of it.');
