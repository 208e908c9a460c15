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

/** Show what a page says has been done, for a while, or for longer if somebody is about to undo it. */
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

/** Post a form; return the page that this leads to, or null if it is being posted already. */
async function post(form, action = form.action) {
  if (form.dataset.busy) {
    return null;
  }
  $('.message').not($(form).closest('.message')).remove(); // but for the one with the Undo
  setBusy(form, true);
  const body = new URLSearchParams($(form).serialize());
  const answer = await askForPage(action, {method: 'POST', body});
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
  storeAllUnsaved();
  document.title = $page.find('title').text();
  history.replaceState(null, '', address);
  $('main > :not(.messages)').remove();
  $('main').append($page.find('main > :not(.messages)'));
  prepare($('main'));
  window.scrollTo(0, 0);
  focusHeading();
  announceSuccess($page);
}

// What was typed and is not stored yet -------------------------------------------------

function unsavedKey(form) {
  return `flaskr:${form.dataset.unsaved ?? new URL(form.action).pathname}`;
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
function findUnsaved(form) {
  try {
    return JSON.parse(localStorage.getItem(unsavedKey(form)));
  } catch {
    return null;
  }
}

function storeUnsaved(form) {
  const unsaved = readForm(form);
  // Until a conflict is settled, reading the page anew has to lead to it again.
  unsaved.version = form.dataset.version ?? unsaved.version;
  try {
    localStorage.setItem(unsavedKey(form), JSON.stringify(unsaved));
  } catch {
    const words = 'This browser has no room to keep what you type. Share it soon.';
    showFormError(form, [new Text(words)]);
  }
}

function forgetUnsaved(form) {
  if (findUnsaved(form)) {
    localStorage.removeItem(unsavedKey(form));
  }
}

/** Keep what is typed, or nothing once it is again what the server has. */
function updateUnsaved(form) {
  if (isUntouched(form)) {
    forgetUnsaved(form);
  } else {
    storeUnsaved(form);
  }
}

/** Drop what the server has stored, but not what was typed since it was sent. */
function dropUnsaved(form, stored) {
  const unsaved = findUnsaved(form);
  form.elements.title.defaultValue = stored.title;
  form.elements.text.defaultValue = stored.text;
  delete form.dataset.givenBack;
  if (unsaved && isSameText(unsaved, stored)) {
    forgetUnsaved(form);
  }
}

/** Return what was kept for a form; for a new entry, else that of one which is gone. */
function findUnsavedFor(form) {
  const unsaved = findUnsaved(form);
  if (unsaved || form.elements.version) {
    return unsaved;
  }
  const ofGone = {dataset: {unsaved: 'gone'}}; // as _entry_form.html has it
  const gone = findUnsaved(ofGone);
  if (gone) {
    try {
      localStorage.setItem(unsavedKey(form), JSON.stringify(gone));
      forgetUnsaved(ofGone);
    } catch {
      // There is no room for both, so it stays where it is.
    }
  }
  return gone;
}

/** Put what was typed last time back into a form, unless it holds something else. */
function offerUnsaved(form) {
  const unsaved = findUnsavedFor(form);
  let other = readForm(form);
  if (!unsaved) {
    return;
  }
  if (isUntouched(form) && isSameText(unsaved, other)) {
    forgetUnsaved(form); // it was stored after all
    return;
  }
  if (isSameText(unsaved, other)) {
    fillForm(form, unsaved); // a browser that gives typed text back may leave the version
    return;
  }
  const $note = $('<p class="unsaved">');
  const $button = $('<button type="button" class="plain">');
  if (isUntouched(form)) {
    fillForm(form, unsaved);
    $note.text('This is what you typed before. It is not stored yet. ');
    $button.text('Discard it').on('click', () => {
      fillForm(form, other);
      forgetUnsaved(form);
      $note.remove();
      focusTitle(form);
    });
    $(form).one('input', () => $note.remove());
  } else {
    other = unsaved;
    $note.text('You typed something else before, which is not stored either. ');
    $button.text('Exchange the two').on('click', () => {
      const shown = readForm(form);
      fillForm(form, other);
      other = shown;
    });
  }
  $(form).prepend($note.append($button));
}

function storeAllUnsaved() {
  $('.entry-form').each((_, form) => isUntouched(form) || storeUnsaved(form));
}

/** Keep what a form holds when another tab has just dropped what it held itself. */
function storeAfterOtherTab(event) {
  $('.entry-form').each((_, form) => {
    if (event.key === unsavedKey(form) && !event.newValue && !isUntouched(form)) {
      updateUnsaved(form);
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
  } else if (key === 'Escape' && (isUntouched(form) || findUnsaved(form))) {
    closeEditor(event);
  }
}

// Pictures ----------------------------------------------------------------------------

/** Post a form to a page and tell how much of it is sent; resolves to the page, as askForPage(). */
function upload(address, body, tell) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest(); // fetch() can't tell how much is sent
    const start = performance.now();
    const waitOn = () => { request.timeout = performance.now() - start + PATIENCE; };
    request.upload.onprogress = ({loaded, total}) => {
      waitOn();
      tell(loaded / total);
    };
    request.onload = () => {
      const page = new DOMParser().parseFromString(request.responseText, 'text/html');
      resolve({status: request.status, $page: $(page)});
    };
    const fail = () => resolve({status: 0, $page: $()});
    request.onerror = request.onabort = request.ontimeout = fail;
    request.open('POST', address);
    waitOn();
    request.send(body);
  });
}

/** Put pictures into a text in paragraphs of their own; select the first's words, to be typed over. */
function insertMarkdown(text, markdown) {
  const before = text.value.slice(0, text.selectionEnd).replace(/\n*$/, '');
  const after = text.value.slice(text.selectionEnd).replace(/^\n*/, '');
  const start = before ? before.length + 2 : 0;
  const paragraphs = `${before && '\n\n'}${markdown}${after && '\n\n'}`;
  text.focus();
  text.setSelectionRange(before.length, text.value.length - after.length);
  if (!document.execCommand('insertText', false, paragraphs)) { // which can be undone
    text.setRangeText(paragraphs);
  }
  const words = /^!\[([^\]]*)\]/.exec(markdown)?.[1] ?? '';
  text.setSelectionRange(start + 2, start + 2 + words.length);
}

/** Put pictures behind the paragraph in which somebody is typing. */
function appendMarkdown(text, markdown) {
  const end = text.value.slice(text.selectionEnd).search(/\n\n|$/) + text.selectionEnd;
  text.setRangeText(`${end ? '\n\n' : ''}${markdown}`, end, end, 'preserve');
}

const queues = new WeakMap(); // the pictures that a form is sending

/** Send pictures one by one, those that come meanwhile too; then put them into the text. */
async function addPictures(form, files) {
  const queue = queues.get(form);
  if (queue) {
    queue.push(...files);
    return;
  }
  queues.set(form, files);
  showFormError(form);
  const address = $(form).find('.add').attr('formaction');
  const typed = readForm(form);
  const stored = [];
  const reasons = [];
  const $progress = $('<label><span></span><progress></progress></label>');
  $(form).find('.sending').append($progress);
  for (const [index, file] of files.entries()) {
    $progress.find('span').text(`Sending ${file.name} (${index + 1} of ${files.length})`);
    const body = new FormData();
    body.append('title', '');
    body.append('text', '');
    body.append('pictures', file, file.name);
    const tell = (part) => $progress.find('progress').prop('value', part);
    const answer = await upload(address, body, tell);
    const markdown = answer.$page.find('.preview').length && answer.$page.find('[name=text]').val();
    if (markdown) {
      stored.push(markdown);
    } else {
      reasons.push(...explainFailure(answer), ' ');
      showFormError(form, reasons);
    }
  }
  if (stored.length) {
    const insert = isSameText(typed, readForm(form)) ? insertMarkdown : appendMarkdown;
    insert(form.elements.text, stored.join('\n\n'));
    updateUnsaved(form);
  }
  $progress.remove();
  form.elements.pictures.value = '';
  queues.delete(form);
}

/** Take the pictures that are chosen, pasted into a form or dropped on it. */
function takePictures(event) {
  const {clipboardData, dataTransfer} = event.originalEvent;
  const {files} = clipboardData ?? dataTransfer ?? event.target;
  const isText = clipboardData?.types.includes('text/plain'); // of which it also is a picture
  if (files?.length && !isText) {
    event.preventDefault();
    addPictures(event.currentTarget, [...files]);
  }
}

/** Let files be dropped on a form; elsewhere the browser would leave the page for them. */
function allowDrop(event) {
  if (event.originalEvent.dataTransfer.types.includes('Files')) {
    event.preventDefault();
  }
}

// Adding and editing ------------------------------------------------------------------

/** Put what is new in the list, and make the form ready for the next entry. */
function showAddedEntry(form, answer) {
  const $list = $('main > .entries');
  if (!$list.length || $list.has(form).length || form.dataset.unsaved === 'shared') {
    showPage(answer);
    return;
  }
  const entries = answer.$page.find('.entries > .entry').get();
  const known = entries.findIndex((entry) => document.getElementById(entry.id));
  const $new = $(known < 0 ? entries : entries.slice(0, known));
  showLocalTimes($new);
  $list.prepend($new);
  $('.empty, .unsaved, .preview', 'main').remove();
  form.elements.title.defaultValue = '';
  form.elements.text.defaultValue = '';
  fillForm(form, readForm(answer.$page.find('.entry-form')[0])); // with a key of its own
  announceSuccess(answer.$page);
  focusTitle(form);
}

/** Put an entry that comes from its own page in the place of another, which may be in a list. */
function replaceEntry($old, $entry) {
  if (!$old.find('h1').length) {
    const $heading = $entry.find('h1.p-name');
    $heading.replaceWith($('<h2 class="p-name" dir="auto">').append($heading.contents()));
    $entry.find('h1, .meta > .p-author').remove();
  }
  showLocalTimes($entry);
  $old.replaceWith($entry);
}

function showSavedEntry(form, answer) {
  const $old = $(form).prev('.entry');
  const $entry = answer.$page.find(`#${$old.attr('id')}`);
  if (!$entry.length) {
    showPage(answer);
    return;
  }
  replaceEntry($old, $entry);
  if ($entry.find('h1').length) {
    document.title = answer.$page.find('title').text();
  }
  $(form).remove();
  announceSuccess(answer.$page);
  $entry.find('.edit').trigger('focus');
}

/** Show at the end of a form how what is typed in it will look. */
function showPreview(form, $preview) {
  $(form).find('.preview').remove();
  $(form).append($preview);
  $preview.trigger('focus');
}

/** Say why an entry was not stored; a conflict, or an entry that is gone, needs another form. */
function refuseEntry(form, answer) {
  const [other] = answer.$page.find('.entry-form');
  const reasons = explainFailure(answer);
  if (other && [404, 409].includes(answer.status)) {
    showFormError(other, reasons);
    $(form).replaceWith(other);
    if (answer.status === 404) {
      forgetUnsaved(form);
      storeUnsaved(other);
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
  if (queues.has(form)) {
    const words = 'Pictures are still being sent. Wait until they are in the text.';
    showFormError(form, [new Text(words)]);
    return;
  }
  const elsewhere = event.originalEvent.submitter?.getAttribute('formaction');
  const sent = readForm(form);
  storeUnsaved(form);
  showFormError(form);
  const answer = await post(form, elsewhere ?? form.action);
  const $preview = answer?.$page.find('main > .preview');
  if ($preview?.length) {
    showPreview(form, $preview);
  } else if (answer && isDone(answer)) {
    dropUnsaved(form, sent);
    if (elsewhere) {
      showPage(answer);
    } else {
      (form.elements.version ? showSavedEntry : showAddedEntry)(form, answer);
    }
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
    offerUnsaved(form);
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
  $(root).find('.entry-form').each((_, form) => offerUnsaved(form));
}

document.documentElement.classList.add('scripted');
prepare(document);
if ($('.message').length) {
  announceSuccess($(document));
}
$(window)
  .on('storage', (event) => storeAfterOtherTab(event.originalEvent))
  .on('pagehide', storeAllUnsaved);
$(document)
  .on('input', '.entry-form', (event) => updateUnsaved(event.currentTarget))
  .on('submit', '.entry-form', submitEntry)
  .on('keydown', '.entry-form', steerByKeyboard)
  .on('change', '.entry-form', (event) => event.target.name === 'pictures' && takePictures(event))
  .on('paste drop', '.entry-form', takePictures)
  .on('dragover', '.entry-form', allowDrop)
  .on('click', '.entry-form .cancel', closeEditor)
  .on('click', '.entry .edit', openEditor)
  .on('submit', '.entry .delete', deleteEntry)
  .on('submit', '.entry .purge', confirmPurge)
  .on('submit', '.message .undo', undoDelete)
  .on('click', '.message .close', closeMessage);
