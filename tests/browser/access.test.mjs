// The pages on a telephone, by keyboard, and without JavaScript.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  administrator, allow, authorise, fitsTheScreen, heading, leave, overview, PHONE, reachByKeyboard, says, signIn,
  signInToConsole, start, stop, visitor,
} from './console.mjs';
import { apply, ISSUER, unique } from './stack.mjs';

before(start);
after(stop);

test('nothing has to be scrolled to the side on a telephone', async () => {
  const id = unique('phone');
  const login = `${id}.with.quite.a.long.name@department.postroom.test`;
  const mailboxes = [1, 2, 3, 4].map((n) => ({ id: `${id}-${n}`, user: `${id}-${n}@postroom.test` }));
  await apply([{ id, login, mailboxes }, { id: `${id}-alone` }]);
  const stranger = await visitor({ viewport: PHONE, isMobile: true, hasTouch: true });
  await stranger.goto('/');
  await heading(stranger, 'Sign in');
  await fitsTheScreen(stranger);
  await stranger.goto('/link/x');
  await heading(stranger, 'This link is not valid');
  await fitsTheScreen(stranger);
  await leave(stranger);

  const page = await administrator({ viewport: PHONE, isMobile: true, hasTouch: true });
  for (const path of ['/', `/?q=${id}`, `/accounts/${id}`, `/accounts/${id}?find=`, `/mailboxes/${id}-1`, '/providers']) {
    await page.goto(path);
    await fitsTheScreen(page);
  }
  await overview(page, id);
  await page.getByRole('checkbox', { name: `Select ${id}`, exact: true }).check();
  await page.getByRole('checkbox', { name: `Select ${id}-alone`, exact: true }).check();
  await page.getByRole('button', { name: 'Re-authorise selected' }).click();
  await signIn(page);
  await allow(page);
  await page.waitForURL('**/chain');
  await fitsTheScreen(page);
  await leave(page);
});

test('the main actions are within reach of the keyboard', async () => {
  const id = unique('keyboard');
  await apply([{ id }]);
  const page = await administrator();
  await overview(page, id);
  await page.keyboard.press('Tab');
  assert.match(await page.evaluate(() => document.activeElement.textContent), /Skip to the content/);

  const box = page.getByRole('checkbox', { name: `Select ${id}`, exact: true });
  await reachByKeyboard(page, box);
  await page.keyboard.press('Space');
  assert.ok(await box.isChecked());
  await reachByKeyboard(page, page.getByRole('button', { name: 'Re-authorise selected' }));
  await page.keyboard.press('Enter');
  await page.waitForURL(`${ISSUER}/interaction/**`);

  await page.goto('/chain');
  for (const name of ['Continue', 'Skip', 'Stop']) {
    await reachByKeyboard(page, page.getByRole('button', { name, exact: true }));
  }
  await page.goto(`/accounts/${id}`);
  for (const name of ['Authorise', 'Send the owners a link', 'Check now']) {
    await reachByKeyboard(page, page.getByRole('button', { name, exact: true }));
  }
  await page.goto(`/mailboxes/${id}`);
  for (const name of ['Pause', 'Save', 'Test the connection']) {
    await reachByKeyboard(page, page.getByRole('button', { name }));
  }
  await reachByKeyboard(page, page.getByRole('button', { name: 'Sign out' }), 300);
  await leave(page);
});

test('everything works without JavaScript', async () => {
  const id = unique('plain');
  await apply([{ id: `${id}-1` }, { id: `${id}-2` }]);
  const page = await visitor({ javaScriptEnabled: false });
  await page.goto('/');
  await signInToConsole(page);
  await authorise(page, `${id}-1`);
  await signIn(page);
  await allow(page);
  await says(page, 'Authorised, and mail can be read');

  await overview(page, id);
  await page.getByRole('checkbox', { name: `Select ${id}-2`, exact: true }).check();
  await page.getByRole('button', { name: 'Re-authorise selected' }).click();
  await signIn(page);
  await allow(page);
  await heading(page, 'Re-authorising is done');
  await says(page, 'Works: 1');
  await leave(page);
});
