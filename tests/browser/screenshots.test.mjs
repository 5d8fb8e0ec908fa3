// The pictures of the documentation: `make screenshots`.

import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  administrator, allow, authorise, decline, fitsTheScreen, heading, leave, overview, PHONE, says, signIn, start,
  stop, visitor,
} from './console.mjs';
import { apply, authorised, control, deliver, eventually, ISSUER, mails, postroom, remind } from './stack.mjs';

const folder = process.env.POSTROOM_PICTURES;
const SCREEN = { width: 1280, height: 900 };
const TALL = { ...SCREEN, height: 1500 };
const TELEPHONE = { viewport: { ...PHONE, height: 780 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

if (folder) before(start);
after(stop);

const DOMAIN = 'acme.test';
const people = (...names) => names.map((name) => `${name}@${DOMAIN}`);
const account = (id, provider, owners, mailboxes = [id]) => ({
  id,
  provider,
  login: `${id}@${DOMAIN}`,
  owners,
  mailboxes: mailboxes.map((name) => ({ id: name, user: `${name}@${DOMAIN}` })),
});

// The days after which each ends; those without are not authorised yet.
const REVOKED = 'crane-logs';
const ACCOUNTS = [
  [account('accounts-payable', 'acme-sso', people('carla')), 310],
  [account('bridge-17', 'acme-sso', people('anna', 'ben'), ['bridge-17', 'bridge-17-drawings', 'site-diary']), 12],
  [account(REVOKED, 'partner-sso', people('daniel')), 75],
  [account('customer-service', 'acme-sso', people('ewa')), 190],
  [account('deliveries', 'acme-sso', people('anna'))],
  [account('hr', 'acme-sso', people('carla')), 250],
  [account('legal', 'acme-sso', people('carla')), 135],
  [account('nightly-data', 'partner-sso', people('daniel')), 24],
  [account('permits', 'acme-sso', people('ben')), 78],
  [account('safety', 'acme-sso', people('ben')), 160],
  [account('surveying', 'partner-sso', people('hiro'))],
  [account('tenders', 'acme-sso', people('anna')), 80],
];
// Of whom one reads German.
const LANGUAGES = { [`daniel@${DOMAIN}`]: 'de' };
// When reminders are sent: of Ben's accounts one is over by then, and one ends within a month.
const LATER = new Date(Date.now() + 50 * 24 * 3600 * 1000);
const BASIC = ['legacy-plant', 'fax-gateway'].map((id) => ({ id, user: `${id}@${DOMAIN}` }));

const picture = (page, name) => page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });

test('the pictures', { skip: !folder }, async () => {
  const all = ACCOUNTS.map(([account]) => account);
  for (const { id } of all.flatMap((account) => account.mailboxes)) {
    deliver(`${id}@${DOMAIN}`, 'Subject: Daily report\r\n\r\nAll well.\r\n');
  }
  await apply(all, BASIC, LANGUAGES);
  for (const [{ id, login }, days] of ACCOUNTS) if (days) await authorised(id, login, days);
  await postroom('fetch', ...all.flatMap(({ mailboxes }) => mailboxes.map(({ id }) => id)), '--wait').catch(() => {});
  await control('revoke', { user: `${REVOKED}@${DOMAIN}` });
  await postroom('fetch', REVOKED, '--wait').catch(() => {});

  for (const [name, options] of Object.entries({
    'console-overview': { viewport: TALL },
    'console-overview-dark': { viewport: TALL, colorScheme: 'dark' },
    'console-phone': TELEPHONE,
  })) {
    const page = await administrator(options);
    await page.goto('/');
    await heading(page, 'Accounts and mailboxes');
    await picture(page, name);
    await leave(page);
  }

  const page = await administrator({ viewport: SCREEN });
  await overview(page, 'deliveries');
  await page.getByRole('checkbox', { name: 'Select deliveries' }).check();
  await page.getByRole('button', { name: 'Send links' }).click();
  await heading(page, 'Links to owners');
  const [letter] = await eventually('the mail', async () => {
    const found = await mails(`anna@${DOMAIN}`);
    return found.length && found;
  });
  const owner = await visitor(TELEPHONE);
  await owner.goto(letter.BodyText.match(/http\S+\/link\/\S+/)[0]);
  await owner.getByRole('button', { name: 'Open my account' }).click();
  await heading(owner, 'Your account');
  await picture(owner, 'console-owner');
  await leave(owner);

  await page.goto('/');
  await page.getByRole('button', { name: 'Re-authorise all that need it' }).click();
  await signIn(page);
  await allow(page);
  await page.waitForURL('**/chain');
  await page.getByRole('button', { name: 'Continue' }).click();
  await decline(page);
  await page.waitForURL('**/chain');
  await says(page, 'consent was declined');
  await picture(page, 'console-chain');
  await page.getByRole('button', { name: 'Continue' }).click();
  await signIn(page);
  await allow(page);
  await heading(page, 'Re-authorising is done');
  await picture(page, 'console-chain-done');
  await authorise(page, 'bridge-17');
  await page.waitForURL(`${ISSUER}/interaction/**`);
  await signIn(page);
  await allow(page);
  await says(page, 'Authorised, and mail can be read');
  await picture(page, 'console-account');
  await page.goto('/mailboxes/legacy-plant');
  await picture(page, 'console-mailbox');
  await mailPictures();
  await page.goto('/reminders');
  await heading(page, 'Reminders');
  await picture(page, 'console-reminders');
  await leave(page);
});

// The mails of a run, as a mail program shows them.
async function mailPictures() {
  await authorised('bridge-17', `bridge-17@${DOMAIN}`, 12);
  await remind(LATER);
  const paper = { width: 720, height: 400 };
  for (const [name, to, options] of [
    ['reminder', 'ben', { viewport: paper }],
    ['reminder-dark', 'ben', { viewport: paper, colorScheme: 'dark' }],
    ['reminder-phone', 'daniel', TELEPHONE],
  ]) {
    const letters = await mails(`${to}@${DOMAIN}`);
    const page = await visitor(options);
    await page.setContent(letters.at(-1).BodyHtml);
    await fitsTheScreen(page);
    await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled', fullPage: true });
    await leave(page);
  }
}
