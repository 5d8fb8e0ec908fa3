// Twelve accounts are authorised one after another, and not everything goes well.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  administrator, allow, decline, heading, leave, overview, row, says, signIn, signInToConsole, start, stop, visitor,
} from './console.mjs';
import { apply, ISSUER, status, unique } from './stack.mjs';

before(start);
after(stop);

const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
const cameBack = (page) => page.waitForURL('**/chain');

test('twelve accounts in one run, with a no, a wrong user, one passed over and a closed browser', async () => {
  const prefix = unique('bulk');
  const ids = Array.from({ length: 12 }, (_, n) => `${prefix}-${String(n + 1).padStart(2, '0')}`);
  const login = (n) => `${ids[n - 1]}@postroom.test`;
  await apply(ids.map((id) => ({ id })));

  let page = await administrator();
  await overview(page, prefix);
  for (const id of ids) await page.getByRole('checkbox', { name: `Select ${id}`, exact: true }).check();
  await press(page, 'Re-authorise selected');

  // 1 works. The sign-in proposes the right user each time.
  await signIn(page);
  await allow(page);
  await cameBack(page);
  await says(page, 'Account 2 of 12');
  await says(page, 'Authorised, and mail can be read');

  // 2 says no.
  await press(page, 'Continue');
  await decline(page);
  await cameBack(page);
  await says(page, 'Account 3 of 12');
  await says(page, 'consent was declined');

  // 3 is the wrong user at first.
  await press(page, 'Continue');
  await signIn(page, 'eve@postroom.test');
  await allow(page);
  await cameBack(page);
  await says(page, `This account belongs to ${login(3)}; signed in was eve@postroom.test.`);
  await press(page, 'Sign in as another user');
  await signIn(page, login(3));
  await allow(page);
  await cameBack(page);
  await says(page, 'Authorised, and mail can be read');

  // 4 is passed over.
  await press(page, 'Skip');
  await says(page, 'It was skipped.');
  await says(page, 'Account 5 of 12');

  // 5 works; then the browser is closed in the middle of the sign-in of 6.
  await press(page, 'Continue');
  await signIn(page);
  await allow(page);
  await cameBack(page);
  await press(page, 'Continue');
  await page.waitForURL(`${ISSUER}/interaction/**`);
  await leave(page);

  // The same administrator in another browser goes on where it was.
  page = await visitor();
  await page.goto('/');
  await signInToConsole(page);
  await says(page, 'Re-authorising is under way: 5 of 12 done.');
  await page.getByRole('link', { name: 'Go on' }).click();
  await says(page, 'Account 6 of 12');
  await press(page, 'Stop');
  await heading(page, 'Re-authorising is stopped');
  await press(page, 'Go on');

  // 6 to 11 work, and after each the browser goes on by itself.
  for (let n = 6; n <= 11; n += 1) {
    await signIn(page);
    await allow(page);
    await cameBack(page);
    await says(page, `Account ${n + 1} of 12`);
  }

  // 12 does not get the permission that mail needs.
  await signIn(page);
  await allow(page, { without: ['mail'] });
  await heading(page, 'Re-authorising is done');
  await says(page, 'All 12 accounts have had their turn.');
  for (const count of ['Works: 9', 'Not authorised: 2', 'Skipped: 1']) await says(page, count);
  await says(page, 'consent was declined');
  await says(page, 'a permission is missing');

  // What did not work is repeated, and then all is well.
  await press(page, 'Repeat those that are not authorised');
  for (const n of [2, 4, 12]) {
    await page.waitForURL(`${ISSUER}/interaction/**`);
    assert.equal(await page.getByLabel('Account').inputValue(), login(n));
    await signIn(page);
    await allow(page);
    await cameBack(page);
  }
  await heading(page, 'Re-authorising is done');
  await says(page, 'Works: 12');
  await overview(page, prefix);
  for (const id of ids) assert.match(await row(page, id).innerText(), /Works/);
  assert.equal((await status(ids[1])).accounts[0].id, ids[1]);
  await leave(page);
});

test('nothing selected is nothing to do', async () => {
  const id = unique('bulk');
  await apply([{ id }]);
  const page = await administrator();
  await overview(page, id);
  await press(page, 'Re-authorise selected');
  await says(page, 'No account was selected');
  await leave(page);
});
