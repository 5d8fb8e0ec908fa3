// One account is authorised: what it looks like when all goes well, and when something does not.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  administrator, allow, authorise, decline, heading, leave, overview, row, says, signIn, start, stop,
  UNAUTHORISED,
} from './console.mjs';
import { apply, control, deliver, postroom, status, unique } from './stack.mjs';

before(start);
after(stop);

const account = async (options = {}) => {
  const id = unique('consent');
  await apply([{ id, ...options }]);
  return { id, login: `${id}@postroom.test` };
};

test('a first consent: from the overview to mail that can be read', async () => {
  const { id, login } = await account();
  deliver(login, 'Subject: first\r\n\r\nHello.\r\n');
  const page = await administrator();
  await overview(page, id);
  assert.match(await row(page, id).innerText(), UNAUTHORISED);
  await page.getByRole('link', { name: id, exact: true }).first().click();
  await heading(page, `Account ${id}`);
  await page.getByRole('button', { name: 'Authorise', exact: true }).click();
  await signIn(page);
  await allow(page);

  await heading(page, `Account ${id}`);
  await says(page, 'Authorised, and mail can be read');
  await says(page, `Consent was given as ${login}.`);
  await overview(page, id);
  assert.match(await row(page, id).innerText(), /Works/);
  await postroom('fetch', id, '--wait', '--timeout', '60s');
  assert.equal((await status(id)).mailboxes[0].messages, 1);
  await leave(page);
});

test('authorising again fetches nothing again', async () => {
  const { id, login } = await account();
  deliver(login, 'Subject: once\r\n\r\nHello.\r\n');
  const page = await administrator();
  for (const turn of ['first', 'second']) {
    await authorise(page, id);
    await signIn(page);
    await allow(page);
    await says(page, 'Authorised, and mail can be read');
    await postroom('fetch', id, '--wait', '--timeout', '60s');
    assert.equal((await status(id)).mailboxes[0].messages, 1, `after the ${turn} consent`);
  }
  await leave(page);
});

test('the wrong user is refused and can be exchanged', async () => {
  const { id, login } = await account();
  const page = await administrator();
  await authorise(page, id);
  await signIn(page, 'eve@postroom.test');
  await allow(page);
  await says(page, 'the wrong user signed in');
  await says(page, `This account belongs to ${login}; signed in was eve@postroom.test.`);
  await overview(page, id);
  assert.match(await row(page, id).innerText(), UNAUTHORISED);

  await authorise(page, id);
  await signIn(page, 'eve@postroom.test');
  await allow(page);
  await page.getByRole('button', { name: 'Sign in as another user' }).click();
  await signIn(page, login);
  await allow(page);
  await says(page, 'Authorised, and mail can be read');
  await leave(page);
});

test('a person may say no', async () => {
  const { id } = await account();
  const page = await administrator();
  await authorise(page, id);
  await decline(page);
  await heading(page, `Account ${id}`);
  await says(page, 'consent was declined');
  await leave(page);
});

test('without the permission to read mail nothing is kept', async () => {
  const { id } = await account();
  const page = await administrator();
  await authorise(page, id);
  await signIn(page);
  await allow(page, { without: ['mail'] });
  await says(page, 'a permission is missing');
  await overview(page, id);
  assert.match(await row(page, id).innerText(), UNAUTHORISED);
  await leave(page);
});

test('one sign-in opens the mailboxes that share an account', async () => {
  const login = `${unique('consent')}@postroom.test`;
  const id = unique('consent');
  const mailboxes = [1, 2, 3].map((n) => ({ id: `${id}-${n}`, user: `${id}-${n}@postroom.test` }));
  await apply([{ id, login, mailboxes }]);
  const page = await administrator();
  await authorise(page, id);
  await signIn(page);
  await allow(page);
  await says(page, 'Authorised, and mail can be read');
  for (const mailbox of mailboxes) await says(page, mailbox.id);
  await leave(page);
});

for (const [what, how] of Object.entries({
  'a page instead of an answer': { body: 'html' },
  'an answer of a megabyte': { body: 'large' },
  'an internal error': { status: 500 },
})) {
  test(`a token endpoint that sends ${what} changes nothing and is explained`, async () => {
    const { id, login } = await account();
    const page = await administrator();
    await authorise(page, id);
    await signIn(page);
    await control('fail', { count: 5, user: login, ...how });
    await allow(page);
    await heading(page, `Account ${id}`);
    await says(page, 'Not authorised');
    await control('fail', { count: 0, user: login });
    await overview(page, id);
    assert.match(await row(page, id).innerText(), UNAUTHORISED);
    await leave(page);
  });
}
