// Mailboxes move from their passwords onto an account, and back; from POP3 to IMAP too.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  administrator, allow, authorise, fitsTheScreen, heading, leave, PHONE, says, signIn, signInToConsole, start, stop,
  visitor,
} from './console.mjs';
import { apply, deliver, environment, postroom, share, status, unique } from './stack.mjs';

before(start);
after(stop);

const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
const message = (subject) => `From: ann@postroom.test\r\nSubject: ${subject}\r\n\r\nHello.\r\n`;

// An account that may open the first of two mailboxes with passwords, and not the second.
async function twoMailboxes(id) {
  const user = (n) => `${id}-${n}@postroom.test`;
  await apply([{ id, login: user(0) }], [1, 2].map((n) => ({ id: `${id}-${n}`, user: user(n) })));
  share(user(1), user(0));
  deliver(user(1), message('first'));
  return user;
}

// Gives the account its consent; it stays on the account's page.
async function authorised(page, id) {
  await authorise(page, id);
  await signIn(page);
  await allow(page);
  await says(page, 'Authorised');
}

// Chooses mailboxes on the account's page.
async function choose(page, id, ...mailboxes) {
  await page.goto(`/accounts/${id}`);
  await page.getByLabel('Find mailboxes').fill(id);
  await press(page, 'Find');
  for (const mailbox of mailboxes) await page.getByRole('checkbox', { name: new RegExp(`^${mailbox}`) }).check();
}

// Fetches a mailbox; how many messages of it are archived, and how many accounts open it.
async function fetched(mailbox) {
  await postroom('fetch', mailbox, '--wait', '--timeout', '60s');
  const { mailboxes, accounts } = await status(mailbox);
  return [mailboxes[0].messages, accounts.length];
}

test('mailboxes are rehearsed, switched after a yes, and one goes back to its password', async () => {
  const id = unique('migrate');
  const user = await twoMailboxes(id);
  assert.deepEqual(await fetched(`${id}-1`), [1, 0]);
  const page = await administrator();
  await authorised(page, id);

  await choose(page, id, `${id}-1`, `${id}-2`);
  await press(page, 'Rehearse');
  await heading(page, `Moving mailboxes to ${id}`);
  await says(page, 'All 2 rehearsed. Nothing was changed.');
  await says(page, 'Opens with the account: 1');
  await says(page, 'Left as it was: 1');
  assert.deepEqual(await fetched(`${id}-1`), [1, 0], 'nothing was changed');

  // Somebody closes the browser, and finds the run on the account's page.
  await page.goto(`/accounts/${id}`);
  await says(page, 'Moving mailboxes is under way: 2 of 2 rehearsed.');
  await page.getByRole('link', { name: 'Look at it' }).click();
  await press(page, 'Switch those that opened (1)');
  await heading(page, `Switch mailboxes to ${id}?`);
  await press(page, 'Yes, switch');
  await says(page, '1 of 2 switched.');
  deliver(user(1), message('second'));
  assert.deepEqual(await fetched(`${id}-1`), [2, 1], 'only the second message is new');
  assert.equal((await fetched(`${id}-2`))[1], 0);

  await page.goto(`/mailboxes/${id}-1`);
  await says(page, 'it signed in with its own password');
  await press(page, 'Back to the password');
  await heading(page, `Move ${id}-1 back?`);
  await press(page, 'Yes, move it back');
  await says(page, 'Moved back.');
  assert.deepEqual(await fetched(`${id}-1`), [2, 0]);
  await leave(page);
});

test('a maildrop moves from POP3 to IMAP, without JavaScript', async () => {
  const id = unique('maildrop');
  const user = await twoMailboxes(id);
  const page = await visitor({ javaScriptEnabled: false });
  await page.goto('/');
  await signInToConsole(page);
  await page.goto(`/mailboxes/${id}-1`);
  await page.getByRole('combobox', { name: 'Protocol' }).selectOption('POP3');
  await page.getByRole('textbox', { name: 'Port' }).fill(environment('POSTROOM_TEST_POP3S_PORT'));
  await press(page, 'Test the connection');
  await says(page, 'The connection works');
  await press(page, 'Save');
  await says(page, 'Saved.');
  assert.deepEqual(await fetched(`${id}-1`), [1, 0]);

  await authorised(page, id);
  await choose(page, id, `${id}-1`);
  await page.getByText('Where they are fetched from').click();
  await page.getByRole('combobox', { name: 'Protocol' }).selectOption('IMAP');
  await page.getByRole('spinbutton', { name: 'Port' }).fill(environment('POSTROOM_TEST_IMAPS_PORT'));
  await press(page, 'Rehearse');
  await says(page, 'All 1 rehearsed. Nothing was changed.');
  await press(page, 'Switch those that opened (1)');
  await press(page, 'Yes, switch');
  await says(page, '1 of 1 switched.');
  deliver(user(1), message('second'));
  assert.deepEqual(await fetched(`${id}-1`), [2, 1], 'nothing is stored twice');
  await leave(page);
});

test('what is fetched of a mailbox is set in its form, and mistakes are marked', async () => {
  const id = unique('rules');
  const login = `${id}@postroom.test`;
  await apply([], [{ id, user: login }]);
  const page = await administrator();
  await page.goto(`/mailboxes/${id}`);
  await page.getByRole('textbox', { name: 'Not with these subjects' }).fill('*newsletter*');
  await page.getByRole('textbox', { name: 'At most this size' }).fill('50');
  await press(page, 'Save');
  await says(page, 'Enter a number with its unit');
  await page.getByRole('textbox', { name: 'At most this size' }).fill('50MB');
  await page.getByRole('checkbox', { name: 'Unpack attachments beside the message' }).check();
  await press(page, 'Save');
  await says(page, 'Saved.');
  assert.equal(await page.getByRole('textbox', { name: 'At most this size' }).inputValue(), '50MB');

  deliver(login, message('Our newsletter'));
  deliver(login, message('Site diary'));
  assert.deepEqual(await fetched(id), [1, 0]);
  await page.goto(`/mailboxes/${id}`);
  await says(page, '1 by the rules below');
  await leave(page);
});

test('moving mailboxes fits a telephone', async () => {
  const id = unique('move-phone');
  await twoMailboxes(id);
  const page = await administrator({ viewport: PHONE, isMobile: true, hasTouch: true });
  await authorised(page, id);
  await choose(page, id, `${id}-1`, `${id}-2`);
  await page.getByText('Where they are fetched from').click();
  await fitsTheScreen(page);
  await press(page, 'Rehearse');
  await says(page, 'All 2 rehearsed. Nothing was changed.');
  await fitsTheScreen(page);
  await press(page, 'Switch those that opened (1)');
  await fitsTheScreen(page);
  await leave(page);
});
