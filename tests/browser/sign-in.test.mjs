// Administrators come in by the authorization server, and nobody without.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { allow, decline, heading, leave, signIn, signInToConsole, start, stop, visitor } from './console.mjs';
import { ADMIN } from './stack.mjs';

before(start);
after(stop);

test('an administrator signs in, is sent where the way led, and signs out', async () => {
  const page = await visitor();
  await page.goto('/providers');
  await heading(page, 'Sign in');
  await signInToConsole(page);
  await heading(page, 'App registrations');
  assert.equal(new URL(page.url()).pathname, '/providers');
  const cookies = await page.context().cookies(page.url());
  assert.ok(cookies.length > 0);
  for (const { name, httpOnly, secure, sameSite, path } of cookies) {
    assert.match(name, /^__Host-/);
    assert.deepEqual({ httpOnly, secure, sameSite, path }, { httpOnly: true, secure: true, sameSite: 'Lax', path: '/' });
  }

  await page.getByRole('button', { name: 'Sign out' }).click();
  await heading(page, 'Sign in');
  await page.goto('/');
  await heading(page, 'Sign in');
  await leave(page);
});

test('somebody else signs in, and is told that this is not enough', async () => {
  const page = await visitor();
  await page.goto('/');
  await signInToConsole(page, 'eve@postroom.test');
  await heading(page, 'You are not an administrator here');
  await page.goto('/');
  await heading(page, 'Sign in');
  await leave(page);
});

test('an address that nobody has verified makes no administrator', async () => {
  const page = await visitor();
  await page.goto('/');
  await page.getByRole('link', { name: /^Sign in with/ }).click();
  await signIn(page, `unverified ${ADMIN}`);
  await allow(page);
  await heading(page, 'You are not an administrator here');
  await leave(page);
});

test('somebody who says no is not signed in, and can try again', async () => {
  const page = await visitor();
  await page.goto('/');
  await page.getByRole('link', { name: /^Sign in with/ }).click();
  await decline(page);
  await heading(page, 'You are not signed in');
  await page.goto('/');
  await signInToConsole(page);
  await heading(page, 'Accounts and mailboxes');
  await leave(page);
});

test('the pages speak the language of the browser, and the one that is chosen', async () => {
  const page = await visitor({ locale: 'de-DE' });
  await page.goto('/');
  await heading(page, 'Anmelden');
  assert.equal(await page.locator('html').getAttribute('lang'), 'de');
  await page.getByRole('button', { name: 'English' }).click();
  await heading(page, 'Sign in');
  await page.goto('/');
  await heading(page, 'Sign in');
  await leave(page);
});
