// What somebody might try with a real browser. Each check by itself is tested in functions/console.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  administrator, allow, authorise, heading, leave, overview, row, says, signIn, signInToConsole, start, stop,
  visitor,
} from './console.mjs';
import { apply, CONSOLE, environment, ISSUER, unique } from './stack.mjs';

before(start);
after(stop);

const account = async () => {
  const id = unique('attack');
  await apply([{ id }]);
  return id;
};

// An address that an authorization server sends people back to, as the browser asked for it.
const callback = (page) => page.waitForRequest((request) => request.url().startsWith(`${CONSOLE}/callback`));

test('an answer is taken once, and only in the browser that began', async () => {
  const id = await account();
  const page = await administrator();
  await authorise(page, id);
  await signIn(page);
  const [asked] = await Promise.all([callback(page), allow(page)]);
  await says(page, 'Authorised, and mail can be read');
  await page.goto(asked.url());
  await heading(page, /This sign-in (is no longer open|was begun elsewhere)/);
  await leave(page);

  const other = await administrator();
  await other.goto(asked.url());
  await heading(other, 'This sign-in was begun elsewhere');
  await leave(other);

  const stranger = await visitor();
  await stranger.goto(asked.url());
  await heading(stranger, 'This sign-in was begun elsewhere');
  await leave(stranger);
});

test('an answer that we did not ask for is refused', async () => {
  const page = await administrator();
  for (const query of ['', '?code=x', '?state=x', '?state=x&code=y', '?error=access_denied', `?state=${'x'.repeat(3000)}`]) {
    await page.goto(`/callback${query}`);
    await heading(page, /That request cannot be understood|This sign-in was begun elsewhere/);
    await says(page, 'reference number');
  }
  await leave(page);
});

test('a cookie that was changed is no session', async () => {
  const page = await administrator();
  const [session] = (await page.context().cookies(CONSOLE)).filter(({ name }) => name === '__Host-postroom');
  const last = session.value.at(-2) === 'A' ? 'B' : 'A';
  const changed = session.value.slice(0, -2) + last + session.value.at(-1);
  await page.context().addCookies([{ ...session, value: changed }]);
  await page.goto('/');
  await heading(page, 'Sign in');
  await leave(page);
});

test('another site cannot act in the name of an administrator', async () => {
  const id = await account();
  const page = await administrator();
  await authorise(page, id);
  await signIn(page);
  await allow(page);
  await says(page, 'Authorised, and mail can be read');

  // Any page of another origin will do; what counts is that its form goes to the console.
  await page.goto(`${ISSUER}/.well-known/openid-configuration`);
  await page.evaluate((action) => {
    const form = document.createElement('form');
    Object.assign(form, { method: 'post', action });
    document.body.append(form);
    form.submit();
  }, `${CONSOLE}/accounts/${id}/revoke`);
  await heading(page, /Sign in|This form is out of date/);
  await overview(page, id);
  assert.match(await row(page, id).innerText(), /Works/);
  await leave(page);
});

test('a sign-in leads to a page of the console and nowhere else', async () => {
  for (const [to, lands] of Object.entries({ '//evil.test/': '/', 'https://evil.test/': '/', '/providers': '/providers' })) {
    const page = await visitor();
    await page.goto(`/sign-in?to=${encodeURIComponent(to)}`);
    await signInToConsole(page);
    await page.waitForURL(`${CONSOLE}${lands}`);
    await leave(page);
  }
});

test('no secret stands in an address, in a page, or readable in a cookie', async () => {
  const id = await account();
  const seen = [];
  const page = await administrator();
  page.on('request', (request) => seen.push(request.url()));
  await authorise(page, id);
  await signIn(page);
  await allow(page);
  await says(page, 'Authorised, and mail can be read');
  seen.push(await page.content());
  for (const { value } of await page.context().cookies(CONSOLE)) seen.push(value);
  const all = seen.join('\n');
  assert.ok(all.includes('code_challenge='), 'the authorization request is among them');
  assert.ok(!all.includes(environment('POSTROOM_TEST_CLIENT_SECRET')));
  assert.doesNotMatch(all, /code_verifier|access_token|refresh_token|id_token/);
  await leave(page);
});
