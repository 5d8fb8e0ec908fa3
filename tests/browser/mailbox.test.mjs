// What an administrator does to one mailbox or one account, besides authorising it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  administrator, allow, authorise, heading, leave, overview, row, says, signIn, start, stop,
  UNAUTHORISED,
} from './console.mjs';
import { apply, CONSOLE, environment, password, postroom, unique } from './stack.mjs';

before(start);
after(stop);

const press = (page, name) => page.getByRole('button', { name, exact: true }).click();

test('a mailbox with a password is tested, edited, paused and resumed', async () => {
  const id = unique('basic');
  const user = `${id}@postroom.test`;
  await apply([], [{ id, user }]);
  const page = await administrator();
  await overview(page, id);
  await page.getByRole('link', { name: id, exact: true }).click();
  await heading(page, `Mailbox ${id}`);
  await press(page, 'Test the connection');
  await says(page, 'The connection works');

  // A wrong password is told, and the one that is kept stays.
  await page.goto(`/mailboxes/${id}`);
  await page.getByRole('textbox', { name: /^Password/ }).fill('wrong');
  await press(page, 'Test the connection');
  await says(page, 'The connection does not work');
  await says(page, 'The server refused the user name or the password.');
  await postroom('check', id);

  // What cannot be is marked, and nothing is saved.
  await page.goto(`/mailboxes/${id}`);
  await page.getByRole('textbox', { name: 'Port' }).fill('70000');
  await press(page, 'Save');
  await says(page, 'Nothing was saved.');
  assert.equal(await page.getByRole('textbox', { name: 'Port' }).getAttribute('aria-invalid'), 'true');

  await page.goto(`/mailboxes/${id}`);
  await page.getByRole('textbox', { name: 'Folders' }).fill('INBOX\nSent');
  await press(page, 'Save');
  await says(page, 'Saved.');
  assert.equal(await page.getByRole('textbox', { name: 'Folders' }).inputValue(), 'INBOX\nSent');

  await press(page, 'Pause');
  await says(page, 'It is not fetched until somebody resumes it.');
  await press(page, 'Resume');
  await says(page, 'Resumed.');
  await press(page, 'Write a transcript for an hour');
  await says(page, 'A transcript is written until');
  await press(page, 'Stop the transcript');
  await says(page, 'Nothing is written down any more.');
  await leave(page);
});

test('an account is checked, and revoked when asked twice', async () => {
  const id = unique('revoke');
  await apply([{ id }]);
  const page = await administrator();
  await authorise(page, id);
  await signIn(page);
  await allow(page);
  await says(page, 'Authorised, and mail can be read');
  await press(page, 'Check now');
  await heading(page, `Checking ${id}`);
  await says(page, 'There is one that counts.');
  await says(page, 'It opened.');

  await page.goto(`/accounts/${id}`);
  await press(page, 'Revoke');
  await heading(page, `Revoke ${id}?`);
  await press(page, 'Yes, revoke it');
  await says(page, 'The provider ended the authorization, and Postroom has forgotten its tokens.');
  await overview(page, id);
  assert.match(await row(page, id).innerText(), UNAUTHORISED);
  await leave(page);
});

test('the app registrations show the redirect URL to copy, and no secret', async () => {
  const page = await administrator();
  await page.getByRole('link', { name: 'App registrations' }).click();
  await heading(page, 'App registrations');
  await says(page, `${CONSOLE}/callback`);
  await says(page, environment('POSTROOM_TEST_ADMIN_PROVIDER'));
  const html = await page.content();
  assert.ok(!html.includes(environment('POSTROOM_TEST_CLIENT_SECRET')));
  assert.ok(!html.includes(password('')));
  await leave(page);
});
