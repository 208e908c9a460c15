'use strict';

// Without this script every page works by plain forms and links. With it, an entry is
// added, edited, deleted and brought back in its place, and what is typed is kept in
// the browser until the server has said that it is stored. The script asks for the same
// pages that anybody would see, and takes from them what it shows.

const MESSAGE_TIME = 10000; // milliseconds that a message of success is shown
const PATIENCE = 30000; // milliseconds to wait for an answer

// Times -----------------------------------------------------------------------------

/** Write the times of entries in the reader's own zone; pages come with UTC. */
function showLocalTimes(root) {
  $(root).find('.meta time').each(function () {
    const date = new Date(this.dateTime);
    this.textContent = date.toLocaleString([], {dateStyle: 'long', timeStyle: 'short'});
    this.title = date.toLocaleString([], {dateStyle: 'full', timeStyle: 'long'});
  });
}

// Messages --------------------------------------------------------------------------

/** Show messages in the live region, which screen readers read out when it changes. */
function announce($messages) {
  $messages.append('<button type="button" class="plain close">Close</button>');
  $('main > .messages').append($messages);
}

/** Show what a page says has been done, for a while, or for longer to who is about to undo it. */
function announceSuccess($page) {
  const $messages = $page.find('main > .messages > .message').detach();
  $('main > .messages').empty();
  announce($messages);
  const removeLater = () => {
    setTimeout(() => $messages.not(':focus-within').remove(), MESSAGE_TIME);
  };
  removeLater();
  $messages.on('focusout', removeLater);
}

function announceFailure(answer) {
  announce($('<div class="message">').append($('<p>').append(explainFailure(answer))));
}

/** Put the focus on the heading of the page, where reading it begins. */
function focusHeading() {
  $('main h1').first().attr('tabindex', -1).trigger('focus');
}

function closeMessage(event) {
  $(event.currentTarget).closest('.message').remove();
  focusHeading();
}

// Asking the server -------------------------------------------------------------------

/** Ask for a page; where no answer comes its status is 0 and there is nothing on it. */
async function askForPage(address, options) {
  try {
    const signal = AbortSignal.timeout?.(PATIENCE);
    const response = await fetch(address, {signal, ...options});
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    return {status: response.status, address: response.url, $page: $(page)};
  } catch {
    return {status: 0, $page: $()};
  }
}

/** Let a form neither be sent again nor be changed while it is on its way. */
function setBusy(form, busy) {
  form.dataset.busy = busy ? 'yes' : '';
  $(form).find('button').attr('aria-disabled', busy ? 'true' : null);
  $(form).find('input, textarea').prop('readOnly', busy);
}

/** Post a form and return the page that this leads to, or null if it is being posted already. */
async function post(form) {
  if (form.dataset.busy) {
    return null;
  }
  $('.message').not($(form).closest('.message')).remove(); // but for the one with the Undo
  setBusy(form, true);
  const body = new URLSearchParams($(form).serialize());
  const answer = await askForPage(form.action, {method: 'POST', body});
  setBusy(form, false);
  return answer;
}

/** Say whether a page is Flaskr's own word that what was posted is stored. */
function isDone({status, $page}) {
  return status === 200 && $page.find('main > .messages > .message').length > 0;
}

/** Return in plain words why something failed, as nodes: an advice may have a link in it. */
function explainFailure({status, $page}) {
  const $advice = $page.find('main > .advice');
  if ($advice.length) {
    const sentences = $advice.get().flatMap((advice) => [' ', ...advice.childNodes]);
    return [new Text(`${$page.find('main > h1').text()}.`), ...sentences];
  }
  const words = status ? 'The server did not understand.' : 'The server cannot be reached.';
  return [new Text($page.find('.entry-form > .error').text() || `${words} Please try again.`)];
}

/** Show a page in place of this one, as a link to it would. */
function showPage({address, $page}) {
  storeAllDrafts();
  document.title = $page.find('title').text();
  history.replaceState(null, '', address);
  $('main > :not(.messages)').remove();
  $('main').append($page.find('main > :not(.messages)'));
  prepare($('main'));
  window.scrollTo(0, 0);
  focusHeading();
  announceSuccess($page);
}

// Drafts: what was typed and is not stored yet ------------------------------------------

function draftKey(form) {
  return `flaskr:${form.dataset.draft ?? new URL(form.action).pathname}`;
}

/** The fields of a form that make an entry, in the order they are filled in. */
const FIELDS = ['title', 'text', 'version', 'key'];

function readForm(form, property = 'value') {
  return Object.fromEntries(FIELDS.map((name) => [name, form.elements[name]?.[property]]));
}

function fillForm(form, values) {
  for (const name of FIELDS.filter((name) => form.elements[name] && values[name] !== undefined)) {
    form.elements[name].value = values[name];
  }
}

function isSameText(one, other) {
  return one.title === other.title && one.text === other.text;
}

/** Say whether a form is as the server sent it, and holds nothing that is not stored. */
function isUntouched(form) {
  return !form.dataset.givenBack && isSameText(readForm(form), readForm(form, 'defaultValue'));
}

/** Return what was kept of a form, or null; a browser may forbid or spoil it. */
function findDraft(form) {
  try {
    return JSON.parse(localStorage.getItem(draftKey(form)));
  } catch {
    return null;
  }
}

function storeDraft(form) {
  const draft = readForm(form);
  // Until a conflict is settled, reading the page anew has to lead to it again.
  draft.version = form.dataset.version ?? draft.version;
  try {
    localStorage.setItem(draftKey(form), JSON.stringify(draft));
  } catch {
    const words = 'This browser has no room to keep what you type. Share it soon.';
    showFormError(form, [new Text(words)]);
  }
}

function forgetDraft(form) {
  if (findDraft(form)) {
    localStorage.removeItem(draftKey(form));
  }
}

/** Keep what is typed, or nothing once it is again what the server has. */
function updateDraft(form) {
  if (isUntouched(form)) {
    forgetDraft(form);
  } else {
    storeDraft(form);
  }
}

/** Drop what the server has stored, but not what was typed since it was sent. */
function dropDraft(form, stored) {
  const draft = findDraft(form);
  form.elements.title.defaultValue = stored.title;
  form.elements.text.defaultValue = stored.text;
  delete form.dataset.givenBack;
  if (draft && isSameText(draft, stored)) {
    forgetDraft(form);
  }
}

/** Return the draft of a form, or for a new entry one whose own entry is gone. */
function findDraftFor(form) {
  const draft = findDraft(form);
  if (draft || form.elements.version) {
    return draft;
  }
  const ofGone = {dataset: {draft: 'gone'}}; // as _entry_form.html has it
  const gone = findDraft(ofGone);
  if (gone) {
    try {
      localStorage.setItem(draftKey(form), JSON.stringify(gone));
      forgetDraft(ofGone);
    } catch {
      // There is no room for both, so it stays where it is.
    }
  }
  return gone;
}

/** Put what was typed last time back into a form, unless it holds something else. */
function offerDraft(form) {
  const draft = findDraftFor(form);
  let other = readForm(form);
  if (!draft) {
    return;
  }
  if (isUntouched(form) && isSameText(draft, other)) {
    forgetDraft(form); // it was stored after all
    return;
  }
  if (isSameText(draft, other)) {
    fillForm(form, draft); // a browser that gives typed text back may leave the version
    return;
  }
  const $note = $('<p class="draft">');
  const $button = $('<button type="button" class="plain">');
  if (isUntouched(form)) {
    fillForm(form, draft);
    $note.text('This is what you typed before. It is not stored yet. ');
    $button.text('Discard it').on('click', () => {
      fillForm(form, other);
      forgetDraft(form);
      $note.remove();
      focusTitle(form);
    });
    $(form).one('input', () => $note.remove());
  } else {
    other = draft;
    $note.text('You typed something else before, which is not stored either. ');
    $button.text('Exchange the two').on('click', () => {
      const shown = readForm(form);
      fillForm(form, other);
      other = shown;
    });
  }
  $(form).prepend($note.append($button));
}

function storeAllDrafts() {
  $('.entry-form').each((_, form) => isUntouched(form) || storeDraft(form));
}

/** Keep what a form holds when another tab has just dropped its own draft. */
function storeAfterOtherTab(event) {
  $('.entry-form').each((_, form) => {
    if (event.key === draftKey(form) && !event.newValue && !isUntouched(form)) {
      updateDraft(form);
    }
  });
}

// Forms -----------------------------------------------------------------------------

function showFormError(form, nodes = []) {
  $(form).find('.error').empty().append(nodes).prop('hidden', !nodes.length);
}

/** Put the focus on a form's title, behind what is in it. */
function focusTitle(form) {
  const {title} = form.elements;
  title.focus();
  title.setSelectionRange(title.value.length, title.value.length);
}

/** Leave the title for the text by a return, and an editor in place by Escape. */
function steerByKeyboard(event) {
  const {key, ctrlKey, metaKey, isComposing} = event.originalEvent;
  const form = event.currentTarget;
  if (isComposing) {
    return; // the key belongs to the input of a letter
  }
  if (key === 'Enter' && (ctrlKey || metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  } else if (key === 'Enter' && event.target.name === 'title') {
    event.preventDefault();
    form.elements.text.focus();
  } else if (key === 'Escape' && (isUntouched(form) || findDraft(form))) {
    closeEditor(event);
  }
}

// Adding and editing ------------------------------------------------------------------

/** Put what is new in the list, and make the form ready for the next entry. */
function showAddedEntry(form, answer) {
  const $list = $('main > .entries');
  if (!$list.length || $list.has(form).length) {
    showPage(answer);
    return;
  }
  const entries = answer.$page.find('.entries > .entry').get();
  const known = entries.findIndex((entry) => document.getElementById(entry.id));
  const $new = $(known < 0 ? entries : entries.slice(0, known));
  showLocalTimes($new);
  $list.prepend($new);
  $('.empty, .draft', 'main').remove();
  form.elements.title.defaultValue = '';
  form.elements.text.defaultValue = '';
  fillForm(form, readForm(answer.$page.find('.entry-form')[0])); // with a key of its own
  announceSuccess(answer.$page);
  focusTitle(form);
}

/** Put an entry in the place of another, under a heading of the same level. */
function replaceEntry($old, $entry) {
  const level = $old.find('.p-name')[0].localName;
  const $heading = $entry.find('.p-name');
  $heading.replaceWith($(`<${level} class="p-name">`).append($heading.contents()));
  showLocalTimes($entry);
  $old.replaceWith($entry);
}

function showSavedEntry(form, answer) {
  const $old = $(form).prev('.entry');
  if (!$old.length) {
    showPage(answer);
    return;
  }
  const $entry = answer.$page.find('.entry');
  replaceEntry($old, $entry);
  if ($entry.find('h1.p-name').length) {
    document.title = answer.$page.find('title').text();
  }
  $(form).remove();
  announceSuccess(answer.$page);
  $entry.find('.edit').trigger('focus');
}

/** Say why an entry was not stored; a conflict, or an entry that is gone, needs another form. */
function refuseEntry(form, answer) {
  const [other] = answer.$page.find('.entry-form');
  const reasons = explainFailure(answer);
  if (other && [404, 409].includes(answer.status)) {
    showFormError(other, reasons);
    $(form).replaceWith(other);
    if (answer.status === 404) {
      forgetDraft(form);
      storeDraft(other);
    }
    other.elements.text.focus();
  } else {
    showFormError(form, reasons);
    if (answer.status === 400) {
      focusTitle(form);
    }
  }
}

async function submitEntry(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const sent = readForm(form);
  storeDraft(form);
  showFormError(form);
  const answer = await post(form);
  if (answer && isDone(answer)) {
    dropDraft(form, sent);
    (form.elements.version ? showSavedEntry : showAddedEntry)(form, answer);
  } else if (answer) {
    refuseEntry(form, answer);
  }
}

async function openEditor(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) {
    return; // a new tab or window was asked for
  }
  event.preventDefault();
  $('.message').remove();
  const link = event.currentTarget;
  const $entry = $(link).closest('.entry');
  const answer = await askForPage(link.href);
  const [form] = answer.$page.find('.entry-form');
  if (form) {
    $entry.prop('hidden', true).next('.entry-form').remove();
    $entry.after(form);
    offerDraft(form);
    focusTitle(form);
  } else if (answer.status === 200) {
    window.location.assign(link.href); // to the login
  } else {
    announceFailure(answer);
  }
}

function closeEditor(event) {
  const form = $(event.currentTarget).closest('form')[0];
  const $entry = $(form).prev('.entry');
  if (form.dataset.busy) {
    event.preventDefault();
  } else if ($entry.length) {
    event.preventDefault();
    form.remove();
    $entry.prop('hidden', false).find('.edit').trigger('focus');
  }
}

// Deleting and bringing back ------------------------------------------------------------

async function deleteEntry(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const answer = await post(form);
  if (answer && isDone(answer)) {
    if ($('main > .entries').length) {
      $(form).closest('.entry').prop('hidden', true);
      announceSuccess(answer.$page);
    } else {
      showPage(answer);
    }
    $('.undo button').trigger('focus');
  } else if (answer) {
    announceFailure(answer);
  }
}

async function undoDelete(event) {
  event.preventDefault();
  const answer = await post(event.currentTarget);
  if (answer && isDone(answer)) {
    const $entry = answer.$page.find('.entry');
    const $old = $(`#${$entry.attr('id')}[hidden]`);
    if (!$old.length) {
      showPage(answer);
      return;
    }
    replaceEntry($old, $entry);
    announceSuccess(answer.$page);
    $entry.find('.u-url').trigger('focus');
  } else if (answer) {
    announceFailure(answer);
  }
}

/** Ask once more before something is gone for good. */
function confirmPurge(event) {
  const question = $(event.currentTarget).text().trim().replace(/\s+/g, ' ');
  if (!window.confirm(`${question}? Nobody can bring it back.`)) {
    event.preventDefault();
  }
}

// Wiring ----------------------------------------------------------------------------

function prepare(root) {
  showLocalTimes(root);
  $(root).find('.entry-form').each((_, form) => offerDraft(form));
}

prepare(document);
if ($('.message').length) {
  announceSuccess($(document));
}
$(window)
  .on('storage', (event) => storeAfterOtherTab(event.originalEvent))
  .on('pagehide', storeAllDrafts);
$(document)
  .on('input', '.entry-form', (event) => updateDraft(event.currentTarget))
  .on('submit', '.entry-form', submitEntry)
  .on('keydown', '.entry-form', steerByKeyboard)
  .on('click', '.entry-form .cancel', closeEditor)
  .on('click', '.entry .edit', openEditor)
  .on('submit', '.entry .delete', deleteEntry)
  .on('submit', '.entry .purge', confirmPurge)
  .on('submit', '.message .undo', undoDelete)
  .on('click', '.message .close', closeMessage);
