// An owner gets a mail with a personal link, and authorises just that account.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  administrator, allow, heading, leave, overview, says, signIn, start, stop, visitor,
} from './console.mjs';
import { apply, CONSOLE, environment, eventually, mails, unique } from './stack.mjs';

before(start);
after(stop);

// Has links sent to the owners of some accounts, and answers those of one owner's letter.
async function links(accounts, owner) {
  const page = await administrator();
  await overview(page, accounts[0].slice(0, accounts[0].lastIndexOf('-')));
  for (const id of accounts) await page.getByRole('checkbox', { name: `Select ${id}`, exact: true }).check();
  await page.getByRole('button', { name: 'Send links' }).click();
  await heading(page, 'Links to owners');
  await leave(page);
  const [mail, ...more] = await eventually('the mail', async () => {
    const found = await mails(owner);
    return found.length && found;
  });
  assert.deepEqual(more, [], 'one owner gets one letter');
  assert.match(mail.Source, new RegExp(environment('POSTROOM_TEST_SENDER')));
  const found = mail.BodyText.match(/http\S+\/link\/\S+/g);
  for (const link of found) {
    assert.ok(link.startsWith(`${CONSOLE}/link/`));
    assert.ok(mail.BodyHtml.includes(link.replaceAll('&', '&amp;')));
  }
  return found;
}

test('the link of a mail authorises one account, once, and opens nothing else', async () => {
  const id = `${unique('owner')}-1`;
  const other = id.replace(/1$/, '2');
  const owner = `${id}@postroom.test`;
  await apply([{ id }, { id: other }]);
  const [link] = await links([id], owner);

  // A scanner of the mail server follows links; that uses up nothing.
  const scanned = await fetch(link);
  assert.equal(scanned.status, 200);

  const page = await visitor();
  await page.goto(link);
  await heading(page, 'Re-authorise your mail fetching');
  await page.getByRole('button', { name: 'Open my account' }).click();
  await heading(page, 'Your account');
  assert.equal(new URL(page.url()).pathname, '/mine');

  const again = await visitor();
  await again.goto(link);
  await heading(again, 'This link was used before');

  await page.getByRole('button', { name: 'Sign in and authorise' }).click();
  await signIn(page);
  await allow(page);
  await heading(page, 'Your account');
  await says(page, 'Authorised, and mail can be read');

  for (const path of ['/', `/accounts/${id}`, `/accounts/${other}`, '/providers', '/chain', `/mailboxes/${id}`]) {
    await page.goto(path);
    await heading(page, 'Sign in');
  }
  await leave(page);

  await again.goto(link);
  await heading(again, 'There is nothing left to do');
  await leave(again);
});

test('an owner of several accounts gets one letter with a link for each', async () => {
  const prefix = unique('owner');
  const owner = `${prefix}@postroom.test`;
  const accounts = [`${prefix}-1`, `${prefix}-2`];
  await apply(accounts.map((id) => ({ id, owners: [owner] })));
  const found = await links(accounts, owner);
  assert.equal(found.length, 2);
  assert.notEqual(found[0], found[1]);
});

test('a link that was changed opens nothing', async () => {
  const id = `${unique('owner')}-1`;
  await apply([{ id }]);
  const [link] = await links([id], `${id}@postroom.test`);
  const page = await visitor();
  const token = link.split('/').pop();
  for (const wrong of [`${token.slice(0, -2)}AA`, token.slice(0, 20), 'x']) {
    await page.goto(`/link/${wrong}`);
    await heading(page, 'This link is not valid');
  }
  await page.goto('/mine');
  await heading(page, 'Sign in');
  await leave(page);
});
