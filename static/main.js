'use strict';

// Without this script every page works by plain forms and links. With it, an entry is
// added, edited, deleted and brought back in its place, and what is typed is kept in
// the browser until the server has said that it is stored.

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

function readForm(form) {
  const {title, text, version} = form.elements;
  return {title: title.value, text: text.value, version: version ? version.value : ''};
}

/** Return what was kept of a form, or null; a browser may forbid or spoil it. */
function findDraft(form) {
  try {
    return JSON.parse(localStorage.getItem(draftKey(form)));
  } catch {
    return null;
  }
}

function isSameText(one, other) {
  return one.title === other.title && one.text === other.text;
}

function saveDraft(form) {
  try {
    localStorage.setItem(draftKey(form), JSON.stringify(readForm(form)));
  } catch {
    showFormError(form, 'This browser has no room to keep what you type. Share it soon.');
  }
}

function forgetDraft(form) {
  localStorage.removeItem(draftKey(form));
}

/** Drop what the server has stored, but not what was typed since it was sent. */
function dropDraft(form, stored) {
  const draft = findDraft(form);
  if (draft && isSameText(draft, stored)) {
    forgetDraft(form);
  }
}

function fillForm(form, {title, text, version}) {
  form.elements.title.value = title;
  form.elements.text.value = text;
  if (form.elements.version) {
    form.elements.version.value = version;
  }
}

/** Put what was typed last time back into a form, with a button that discards it. */
function offerDraft(form) {
  const draft = findDraft(form);
  const original = readForm(form);
  if (!draft || isSameText(draft, original)) {
    return;
  }
  fillForm(form, draft);
  const $note = $('<p class="draft">').text('This is what you typed before. It is not stored yet. ');
  const $button = $('<button type="button" class="plain">').text('Discard it');
  $button.on('click', () => {
    forgetDraft(form);
    fillForm(form, original);
    $note.remove();
    focusTitle(form);
  });
  $(form).prepend($note.append($button));
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

/** Load a page again by its address, when there is no place here to show a change. */
function goTo(address) {
  window.location.assign(address);
}

// Adding and editing ------------------------------------------------------------------

function showAddedEntry(form, $entry) {
  const $entries = $('main > .entries');
  if (!$entries.length) {
    goTo($('.site .name').attr('href'));
    return;
  }
  $('.empty').remove();
  $entries.prepend($entry);
  $(form).find('.draft').remove();
  fillForm(form, {title: '', text: '', version: ''});
  focusTitle(form);
}

function showSavedEntry(form, $entry) {
  const $old = $(form).prev('.entry');
  if (!$old.length) {
    goTo($entry.find('.u-url').attr('href'));
    return;
  }
  $old.replaceWith($entry);
  $(form).remove();
  $entry.find('.edit').trigger('focus');
}

function refuseEntry(form, xhr) {
  const text = explainFailure(xhr);
  if (xhr.status === 409) {
    const conflict = readHtml(xhr.responseJSON.html).filter('form')[0];
    $(form).replaceWith(conflict);
    saveDraft(conflict);
    conflict.elements.text.focus();
  } else if (xhr.status === 401) {
    askToLogIn(form, text);
  } else {
    showFormError(form, text);
  }
}

function submitEntry(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const sent = readForm(form);
  saveDraft(form);
  showFormError(form, '');
  post(form).done((answer) => {
    dropDraft(form, sent);
    const $entry = readHtml(answer.html).filter('.entry');
    showLocalTimes($entry);
    announceText(answer.message);
    if (form.elements.version) {
      showSavedEntry(form, $entry);
    } else {
      showAddedEntry(form, $entry);
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
  const form = event.currentTarget.form ?? $(event.currentTarget).closest('form')[0];
  const $entry = $(form).prev('.entry');
  forgetDraft(form);
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
    $entry.replaceWith($('<div hidden>').attr('data-place', $entry.attr('id')));
    announce(readHtml(answer.html));
    $('main > .messages .undo button').trigger('focus');
  }).fail((xhr) => announceText(explainFailure(xhr)));
}

function undoDelete(event) {
  event.preventDefault();
  const form = event.currentTarget;
  post(form).done((answer) => {
    const $entry = readHtml(answer.html).filter('.entry');
    const $place = $(`[data-place="${$entry.attr('id')}"]`);
    if (!$place.length) {
      goTo($entry.find('.u-url').attr('href'));
      return;
    }
    showLocalTimes($entry);
    announceText(answer.message);
    $place.replaceWith($entry);
    $entry.find('.u-url').trigger('focus');
  }).fail((xhr) => announceText(explainFailure(xhr)));
}

// Wiring ----------------------------------------------------------------------------

// Nothing in the text of an entry counts, even if it looks like the blog's own.
const ENTRY_FORM = '.entry-form:not(.e-content *)';

showLocalTimes(document);
$(ENTRY_FORM).each((_, form) => offerDraft(form));
$(document)
  .on('input', ENTRY_FORM, (event) => saveDraft(event.currentTarget))
  .on('submit', ENTRY_FORM, submitEntry)
  .on('keydown', ENTRY_FORM, submitByKeyboard)
  .on('click', `${ENTRY_FORM} .cancel`, closeEditor)
  .on('click', '.entry .edit:not(.e-content *)', openEditor)
  .on('submit', '.entry .delete:not(.e-content *)', deleteEntry)
  .on('submit', '.messages > .message > .undo:not(.e-content *)', undoDelete);
