'use strict';

/** Write a time in the reader's own zone and language; pages come with UTC. */
function showLocalTime(time) {
  const date = new Date(time.dateTime);
  time.textContent = date.toLocaleString([], {dateStyle: 'long', timeStyle: 'short'});
  time.title = date.toLocaleString([], {dateStyle: 'full', timeStyle: 'long'});
}

document.querySelectorAll('time').forEach(showLocalTime);
