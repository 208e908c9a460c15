'use strict';

// Without this script every page works by plain forms and links. With it, an entry is
// added, edited, deleted and brought back in its place, and what is typed is kept in
// the browser until the server has said that it is stored.

// The forms of entries, but nothing in the text of an entry that looks like one.
const ENTRY_FORM = '.entry-form:not(.e-content *)';

// Times -----------------------------------------------------------------------------

/** Write the times of entries in the reader's own zone; pages come with UTC. */
function showLocalTimes(root) {
  $(root).find('.meta time').not('.e-content *').each(function () {
    const date = new Date(this.dateTime);
    this.textContent = date.toLocaleString([], {dateStyle: 'long', timeStyle: 'short'});
    this.title = date.toLocaleString([], {dateStyle: 'full', timeStyle: 'long'});
  });
}

// Messages --------------------------------------------------------------------------

/** Show nodes in the live region, which screen readers read out when it changes. */
function announce(nodes) {
  $('main > .messages').empty().append(nodes);
}

function announceText(text) {
  announce($('<div class="message">').append($('<p>').text(text)));
}

/** Go to another page, and say there what has been done here. */
function goTo(address, message) {
  try {
    sessionStorage.setItem('flaskr:message', message);
  } catch {
    // A browser may forbid to keep anything; the page itself shows what has been done.
  }
  window.location.assign(address);
}

function announceFromLastPage() {
  try {
    const message = sessionStorage.getItem('flaskr:message');
    if (message) {
      sessionStorage.removeItem('flaskr:message');
      announceText(message);
    }
  } catch {
    // As in goTo().
  }
}

/** Say in plain words why a request failed. */
function explainFailure(xhr) {
  if (xhr.responseJSON) {
    return xhr.responseJSON.message;
  }
  return xhr.status ? 'The server did not understand. Please try again.'
    : 'The server cannot be reached. Please try again.';
}

/** Return the nodes of HTML that the server rendered; parseHTML() drops its scripts. */
function readHtml(html) {
  return $($.parseHTML(html.trim()));
}

// Drafts: what was typed and is not stored yet ------------------------------------------

function draftKey(form) {
  return `flaskr:${new URL(form.action).pathname}`;
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

function keepDraft(form) {
  try {
    localStorage.setItem(draftKey(form), JSON.stringify(readForm(form)));
  } catch {
    showFormError(form, 'This browser has no room to keep what you type. Share it soon.');
  }
}

function forgetDraft(form) {
  if (findDraft(form)) {
    localStorage.removeItem(draftKey(form));
  }
}

/** Keep what is typed, or nothing once it is again what the server has. */
function saveDraft(form) {
  if (isUntouched(form)) {
    forgetDraft(form);
  } else {
    keepDraft(form);
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

/** Put what was typed last time back into a form, unless it holds something else. */
function offerDraft(form) {
  const draft = findDraft(form);
  let other = readForm(form);
  if (!draft || isSameText(draft, other)) {
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

/** Keep what a form holds when another tab has just dropped its own draft. */
function keepAfterOtherTab(event) {
  $(ENTRY_FORM).each((_, form) => {
    if (event.key === draftKey(form) && !event.newValue && !isUntouched(form)) {
      saveDraft(form);
    }
  });
}

// Forms -----------------------------------------------------------------------------

function showFormError(form, text) {
  $(form).find('.error').text(text).prop('hidden', !text);
}

/** Say that the session has ended, with a way to log in that leaves the text alone. */
function askToLogIn(form, text) {
  const $link = $('<a target="_blank">').attr('href', document.body.dataset.login);
  showFormError(form, `${text} What you typed is kept. `);
  $(form).find('.error').append($link.text('Log in in a new tab'));
}

/** Let a form neither be sent again nor be changed while it is on its way. */
function setBusy(form, busy) {
  form.dataset.busy = busy ? 'yes' : '';
  $(form).find('button').attr('aria-disabled', busy ? 'true' : null);
  $(form).find('input, textarea').prop('readOnly', busy);
}

/** Post a form unless it is being posted already, so that nothing is posted twice. */
function post(form) {
  if (form.dataset.busy) {
    return $.Deferred();
  }
  setBusy(form, true);
  return $.ajax({
    url: form.action, method: 'POST', data: $(form).serialize(), dataType: 'json', timeout: 30000,
  }).always(() => setBusy(form, false));
}

/** Put the focus on a form's title, behind what is in it. */
function focusTitle(form) {
  const {title} = form.elements;
  title.focus();
  title.setSelectionRange(title.value.length, title.value.length);
}

// Adding and editing ------------------------------------------------------------------

function showAddedEntry(form, $entry, message) {
  const $entries = $('main > .entries');
  if (!$entries.length) {
    goTo($('.site .name').attr('href'), message);
    return;
  }
  $('.empty').remove();
  $entries.prepend($entry);
  $(form).find('.draft').remove();
  form.elements.title.defaultValue = '';
  form.elements.text.defaultValue = '';
  fillForm(form, {title: '', text: '', key: `${form.elements.key.value}+`}); // the next entry
  focusTitle(form);
}

/** Let an entry have the heading and the title of a page that it has to itself. */
function headPage($entry) {
  const $heading = $entry.find('.p-name').first();
  $heading.replaceWith($('<h1 class="p-name">').append($heading.contents()));
  document.title = `${$entry.find('h1').first().text().trim()} – Flaskr`;
}

function replaceEntry($old, $entry) {
  if ($old.find('h1.p-name').not('.e-content *').length) {
    headPage($entry);
  }
  $old.replaceWith($entry);
}

function showSavedEntry(form, $entry, message) {
  const $old = $(form).prev('.entry');
  if (!$old.length) {
    goTo($entry.find('.u-url').attr('href'), message);
    return;
  }
  replaceEntry($old, $entry);
  $(form).remove();
  $entry.find('.edit').trigger('focus');
}

/** Let an edit of an entry that is gone become a new entry. */
function turnIntoNewEntry(form) {
  showFormError(form, 'This entry is gone, but you can share what you typed as a new one.');
  form.action = document.body.dataset.add;
  form.elements.version.name = 'key';
  form.elements.key.value = `${Date.now()}`;
  $(form).find('button').not('.plain').text('Share');
  form.dataset.givenBack = 'yes';
  keepDraft(form);
}

function refuseEntry(form, xhr) {
  const text = explainFailure(xhr);
  if (xhr.status === 409) {
    const conflict = readHtml(xhr.responseJSON.html).filter('form')[0];
    $(form).replaceWith(conflict);
    conflict.elements.text.focus();
  } else if (xhr.status === 401) {
    askToLogIn(form, text);
  } else if (xhr.status === 404 && form.elements.version) {
    turnIntoNewEntry(form);
  } else {
    showFormError(form, text);
    if (xhr.status === 400) {
      focusTitle(form);
    }
  }
}

function submitEntry(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const sent = readForm(form);
  keepDraft(form);
  showFormError(form, '');
  post(form).done((answer) => {
    dropDraft(form, sent);
    const $entry = readHtml(answer.html).filter('.entry');
    showLocalTimes($entry);
    announceText(answer.message);
    if (form.elements.version) {
      showSavedEntry(form, $entry, answer.message);
    } else {
      showAddedEntry(form, $entry, answer.message);
    }
  }).fail((xhr) => refuseEntry(form, xhr));
}

function submitByKeyboard(event) {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    event.currentTarget.requestSubmit();
  }
}

function openEditor(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) {
    return; // a new tab or window was asked for
  }
  event.preventDefault();
  const $entry = $(event.currentTarget).closest('.entry');
  $.getJSON(event.currentTarget.href).done((answer) => {
    const form = readHtml(answer.html).filter('form')[0];
    $entry.prop('hidden', true).next('.entry-form').remove();
    $entry.after(form);
    offerDraft(form);
    focusTitle(form);
  }).fail((xhr) => announceText(explainFailure(xhr)));
}

function closeEditor(event) {
  const form = $(event.currentTarget).closest('form')[0];
  const $entry = $(form).prev('.entry');
  if ($entry.length) {
    event.preventDefault();
    form.remove();
    $entry.prop('hidden', false).find('.edit').trigger('focus');
  }
}

// Deleting and bringing back ------------------------------------------------------------

function deleteEntry(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const $entry = $(form).closest('.entry');
  post(form).done((answer) => {
    $entry.prop('hidden', true);
    announce(readHtml(answer.html));
    $('main > .messages .undo button').trigger('focus');
  }).fail((xhr) => announceText(explainFailure(xhr)));
}

function undoDelete(event) {
  event.preventDefault();
  const form = event.currentTarget;
  post(form).done((answer) => {
    const $entry = readHtml(answer.html).filter('.entry');
    const $old = $('main .entry[hidden]').not('.e-content *').filter(`#${$entry.attr('id')}`);
    if (!$old.length) {
      goTo($entry.find('.u-url').attr('href'), answer.message);
      return;
    }
    showLocalTimes($entry);
    announceText(answer.message);
    replaceEntry($old, $entry);
    $entry.find('.u-url').trigger('focus');
  }).fail((xhr) => announceText(explainFailure(xhr)));
}

// Wiring ----------------------------------------------------------------------------

showLocalTimes(document);
announceFromLastPage();
$(window)
  .on('storage', (event) => keepAfterOtherTab(event.originalEvent))
  .on('pagehide', () => $(ENTRY_FORM).each((_, form) => isUntouched(form) || saveDraft(form)));
$(ENTRY_FORM).each((_, form) => offerDraft(form));
$(document)
  .on('input', ENTRY_FORM, (event) => saveDraft(event.currentTarget))
  .on('submit', ENTRY_FORM, submitEntry)
  .on('keydown', ENTRY_FORM, submitByKeyboard)
  .on('click', `${ENTRY_FORM} .cancel`, closeEditor)
  .on('click', '.entry .edit:not(.e-content *)', openEditor)
  .on('submit', '.entry .delete:not(.e-content *)', deleteEntry)
  .on('submit', '.messages > .message > .undo:not(.e-content *)', undoDelete);
