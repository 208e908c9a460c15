"""The blog in a browser.

A real Chromium, and for what the author types a real Firefox too, meets a real
gunicorn, as readers and the author do. Where a browser is missing, its tests are
left out, and a line says how to get it.
"""

import contextlib
import http.server
import itertools
import os
import pathlib
import re
import shutil
import sys
import tempfile
import threading
import time
import unittest

from PIL import Image

import app
from tests import cases

sys.path.insert(0, str(cases.FOLDER / 'tools'))

from replay import SCRIPT, read_texts, replay

try:
    from axe_selenium_python import Axe
    from selenium import webdriver
    from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    from tools import marionette
except ImportError:
    webdriver = None

CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')
CHROMEDRIVER = shutil.which('chromedriver')
FIREFOX = shutil.which('firefox-esr') or shutil.which('firefox')

HAS_CHROMIUM = bool(webdriver and CHROMIUM and CHROMEDRIVER)
HAS_FIREFOX = bool(webdriver and FIREFOX)
for has_browser, name, packages in [
    (HAS_CHROMIUM, 'Chromium', 'chromium chromium-driver'),
    (HAS_FIREFOX, 'Firefox', 'firefox-esr'),
]:
    if not has_browser:
        cases.leave_out(
            f'the tests in {name}',
            f'apt-get install {packages}, and '
            'pip install -r requirements-dev.txt (Python 3.12 or newer)',
        )


def open_chromium(profile, javascript=True):
    """Start Chromium without a window, with its profile in an empty folder."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in [
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--lang=en-US',
        f'--user-data-dir={profile}',
    ]:
        options.add_argument(argument)
    if not javascript:
        options.add_experimental_option(
            'prefs', {'profile.managed_default_content_settings.javascript': 2}
        )
    return webdriver.Chrome(options, webdriver.ChromeService(CHROMEDRIVER))


class BrowserTestCase(cases.ServedTestCase):
    javascript = True
    has_browser = HAS_CHROMIUM

    @classmethod
    def open_browser(cls, profile):
        return open_chromium(profile, cls.javascript)

    @classmethod
    def setUpClass(cls):
        if not cls.has_browser:
            raise unittest.SkipTest('There is no such browser')
        super().setUpClass()
        profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(profile.cleanup)
        cls.driver = cls.open_browser(profile.name)
        cls.addClassCleanup(cls.driver.quit)

    def setUp(self):
        super().setUp()
        self.start()
        self.open('/')
        self.driver.delete_all_cookies()

    def open(self, path):
        self.driver.get(self.address + path)

    def wait_until(self, condition, what):
        """Wait for a page that a click has led to, or for what a script does."""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with contextlib.suppress(StaleElementReferenceException, WebDriverException):
                if condition():
                    return
            time.sleep(0.02)
        self.fail(f'{what}; the page says:\n{self.page()}')

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        self.wait_until(lambda: self.all(selector), f'There is no {selector}')
        return self.all(selector)[0]

    def page(self):
        return self.driver.find_element(By.TAG_NAME, 'body').text

    def is_loaded(self):
        """Say whether the page and its script are there; Firefox doesn't wait after a key."""
        return self.driver.execute_script("return document.readyState === 'complete'")

    def see(self, text):
        self.wait_until(
            lambda: text in self.page() and self.is_loaded(), f'{text!r} cannot be seen'
        )

    def see_no(self, text):
        self.wait_until(lambda: text not in self.page(), f'{text!r} can still be seen')

    def titles(self):
        return [title.text for title in self.all('.p-name') if title.is_displayed()]

    def see_titles(self, *titles):
        self.wait_until(lambda: self.titles() == [*titles], f'The titles are not {titles}')

    def type(self, name, text):
        self.one(f'[name={name}]').send_keys(text)

    def press(self, text):
        """Press the first visible button, or follow the first visible link, of this name."""

        def press():
            for element in self.all('button, a'):
                if element.is_displayed() and element.text.startswith(text):
                    # Firefox would click where it is, and be it outside of the window.
                    self.driver.execute_script('arguments[0].scrollIntoView(false)', element)
                    element.click()
                    return True
            return False

        self.wait_until(press, f'There is no button or link {text!r}')

    def type_keys(self, *keys):
        """Type where the focus is."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self):
        return self.driver.switch_to.active_element

    def see_focus(self, name):
        """See that the focus is on what has this text or name."""

        def is_focused():
            element = self.focused()
            text = element.text.replace('\n', ' ')
            return name in (element.get_attribute('name'), text)

        self.wait_until(is_focused, f'The focus is not on {name!r}')

    def log_in(self, password='secret'):
        self.open('/login')
        self.type('username', 'admin')
        self.type('password', password + Keys.ENTER)
        self.see('You were logged in')

    def share(self, title, text=''):
        self.type('title', title)
        self.type('text', text)
        self.press('Share')
        self.wait_until(lambda: title in self.titles(), f'{title!r} was not added')
        self.see('New entry was successfully posted')

    def stored(self):
        return [title for (title,) in self.query('select title from entries order by id')]

    def restart(self):
        """Start the server again where it was before."""
        self.start(PORT=self.port)

    def answer(self, text):
        """Answer the question that the browser asks, and give it."""
        self.wait_until(lambda: self.driver.switch_to.alert, 'Nothing is asked')
        alert = self.driver.switch_to.alert
        question = alert.text
        alert.accept() if text == 'OK' else alert.dismiss()
        return question

    def reload_mark(self):
        """Mark the page, so that a page load can be told from a change in place."""
        self.driver.execute_script('window.marked = true')

    def assertStillSamePage(self):
        self.assertTrue(self.driver.execute_script('return window.marked'))


class InFirefox:
    """What the tests of a class need to run in Firefox instead of Chromium."""

    has_browser = HAS_FIREFOX

    @classmethod
    def open_browser(cls, profile):
        return marionette.open_firefox(FIREFOX, profile)


@cases.on_both_engines
class AuthorTest(BrowserTestCase):
    """Adding, editing, deleting and bringing back, without a page load."""

    def setUp(self):
        super().setUp()
        self.log_in()
        self.share('First', 'One')
        self.reload_mark()

    def test_a_new_entry_appears_on_top(self):
        self.share('Second', '*Two*')
        self.see_titles('Second', 'First')
        self.assertStillSamePage()

    def test_after_sharing_the_form_is_ready_for_the_next_entry(self):
        self.share('Second')
        self.see_focus('title')
        self.assertEqual(self.one('[name=title]').get_attribute('value'), '')

    def test_the_first_entry_takes_the_place_of_the_invitation(self):
        self.press('Delete')
        self.see('is in the trash')
        self.open('/')
        self.see('No entries yet')
        self.share('Second')
        self.see_no('No entries yet')

    def test_an_entry_is_edited_in_its_place(self):
        self.share('Second')
        self.press('Edit')
        self.see_focus('title')
        form = self.one('.entries .entry-form')
        form.find_element(By.NAME, 'title').send_keys(' edited')
        self.press('Save')
        self.see_titles('Second edited', 'First')
        self.see('The entry was saved')
        self.see_focus('Edit “Second edited”')
        self.assertStillSamePage()

    def test_an_edit_can_be_cancelled(self):
        self.press('Edit')
        self.see_focus('title')
        self.one('.entries [name=title]').send_keys('Not this')
        self.press('Cancel')
        self.see_titles('First')
        self.see_focus('Edit “First”')

    def test_a_cancelled_edit_is_offered_again(self):
        self.press('Edit')
        self.see_focus('title')
        self.one('.entries [name=title]').send_keys(' later')
        self.press('Cancel')
        self.press('Edit')
        self.see('This is what you typed before')
        self.assertEqual(self.one('.entries [name=title]').get_attribute('value'), 'First later')
        self.press('Discard it')
        self.assertEqual(self.one('.entries [name=title]').get_attribute('value'), 'First')

    def test_an_edit_of_an_entry_that_is_gone_becomes_a_new_one(self):
        self.press('Edit')
        self.see_focus('title')
        self.one('.entries [name=title]').send_keys(' again')
        self.query('delete from entries')
        self.press('Save')
        self.see('you can share it as a new entry')
        script = "return document.querySelector('.entries [name=title]').labels.length"
        self.assertEqual(self.driver.execute_script(script), 1)
        self.one('.entries .entry-form button').click()
        self.see('New entry was successfully posted')
        self.see_titles('First again')
        self.assertEqual(self.stored(), ['First again'])
        self.assertEqual(len(self.all('.entry-form')), 1)

    def test_a_conflict_is_shown_again_if_nobody_has_settled_it(self):
        self.press('Edit')
        self.see_focus('title')
        self.type_keys(Keys.TAB, ' from this tab')
        self.query("update entries set text = 'From another tab', version = version + 1")
        self.press('Save')
        self.see('From another tab')
        self.open('/edit/1')
        self.press('Save')
        self.see('saved from somewhere else')
        self.see('From another tab')

    def test_an_edit_on_a_page_of_its_own_says_that_it_is_done(self):
        self.open('/edit/1')
        self.type('title', ' edited')
        self.press('Save')
        self.see('The entry was saved')
        self.see_titles('First edited')
        self.open('/edit/1')
        self.see_no('This is what you typed before')

    def test_a_deleted_entry_leaves_and_undo_brings_it_back_to_its_place(self):
        self.share('Second')
        self.share('Third')
        self.all('.delete button')[1].click()
        self.see_titles('Third', 'First')
        self.see('“Second” is in the trash')
        self.see_focus('Undo')
        self.press('Undo')
        self.see_titles('Third', 'Second', 'First')
        self.see_focus('Second')
        self.assertStillSamePage()

    def test_all_of_it_works_on_the_page_of_an_entry(self):
        self.open('/entry/1')
        self.reload_mark()
        self.press('Edit')
        self.see_focus('title')
        self.type('title', ' edited')
        self.press('Save')
        self.see_titles('First edited')
        self.assertEqual(self.driver.title, 'First edited – Flaskr')
        self.press('Delete')
        self.see('is in the trash')
        self.press('Undo')
        self.see_titles('First edited')
        self.assertEqual(self.one('h1').text, 'First edited')
        self.assertStillSamePage()

    def test_the_messages_are_in_a_live_region(self):
        region = self.one('.messages[role=status]')
        self.press('Delete')
        self.see('is in the trash')
        self.assertIn('is in the trash', region.text)

    def test_an_entry_without_words_is_refused_in_place(self):
        self.type('title', ' ')
        self.press('Share')
        self.see('Title is required.')
        self.see_focus('title')
        self.assertStillSamePage()

    def test_a_draft_is_kept_edited_and_shared_without_leaving_the_page(self):
        self.type('title', 'Begun')
        self.press('Keep as draft')
        self.see('The draft was kept')
        self.see_titles('Begun')
        self.press('Edit')
        self.see_focus('title')
        self.type_keys(' and gone on')
        self.press('Keep as draft')
        self.see_titles('Begun and gone on')
        self.assertEqual(self.stored(), ['First'])
        self.press('Edit')
        self.see_focus('title')
        self.type_keys(Keys.TAB, 'Done')
        self.press('Share')
        self.see('New entry was successfully posted')
        self.see_titles('Begun and gone on', 'First')
        self.assertEqual(self.stored(), ['First', 'Begun and gone on'])
        self.assertEqual(self.driver.execute_script('return localStorage.length'), 0)
        self.assertStillSamePage()

    def test_a_draft_is_discarded_and_brought_back(self):
        self.type('title', 'Begun')
        self.press('Keep as draft')
        self.see_titles('Begun')
        self.press('Discard')
        self.see('“Begun” is discarded')
        self.press('Undo')
        self.see('“Begun” is back')
        self.see_titles('Begun')
        self.assertStillSamePage()

    def test_a_preview_is_shown_below_the_form_and_stores_nothing(self):
        self.type('title', 'Begun')
        self.type('text', 'Some *words*')
        self.press('Preview')
        self.wait_until(lambda: self.one('.preview em').text == 'words', 'There is no preview')
        self.type('text', ' and **more**')
        self.press('Preview')
        self.wait_until(lambda: self.one('.preview strong').text == 'more', 'It is not renewed')
        self.assertEqual(self.stored(), ['First'])
        self.press('Share')
        self.see('New entry was successfully posted')
        self.assertEqual(self.all('.preview'), [])
        self.assertStillSamePage()

    def make_picture(self, name='cat.png', colour='red'):
        """Return the path of a new picture of 40 by 30 pixels."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        path = os.path.join(folder, name)
        Image.new('RGB', (40, 30), colour).save(path)
        return path

    def text(self):
        return self.one('[name=text]').get_attribute('value')

    def test_chosen_pictures_are_put_into_the_text_and_their_words_are_selected(self):
        self.type('text', 'Look')
        paths = [self.make_picture('a.png'), self.make_picture('b.png', 'blue')]
        self.one('[name=pictures]').send_keys('\n'.join(paths))
        markdown = r'!\[What the picture shows\]\(/picture/[0-9a-f]{32}\.webp\)'
        pattern = rf'Look\n\n{markdown}\n\n{markdown}'
        self.wait_until(lambda: re.fullmatch(pattern, self.text()), 'There are no pictures')
        self.type_keys('Red')
        self.assertIn('Look\n\n![Red](/picture/', self.text())
        self.press('Share')
        self.wait_until(lambda: self.one('img[alt=Red]').get_property('naturalWidth') == 40, 'None')
        self.assertStillSamePage()

    def test_a_pasted_or_dropped_picture_is_put_into_the_text(self):
        for number, (event, member) in enumerate(
            [('paste', 'clipboardData'), ('drop', 'dataTransfer')]
        ):
            self.driver.execute_script(
                '''
                const canvas = document.createElement('canvas');
                const [event, member, width, callback] = [...arguments];
                canvas.width = width;
                canvas.toBlob((blob) => {
                  const data = new DataTransfer();
                  data.items.add(new File([blob], 'pasted.png', {type: 'image/png'}));
                  const happening = new Event(event, {bubbles: true, cancelable: true});
                  Object.defineProperty(happening, member, {value: data});
                  document.querySelector('[name=text]').dispatchEvent(happening);
                });
                ''',
                event, member, 10 + number,
            )  # fmt: skip
            found = lambda: self.text().count('/picture/') == number + 1  # noqa: B023, E731
            self.wait_until(found, f'There is no picture after {event}')

    def test_pictures_that_come_while_others_are_sent_wait_for_their_turn(self):
        self.driver.execute_script("""
            const canvas = document.createElement('canvas');
            canvas.toBlob((blob) => {
              for (const name of ['a.png', 'b.png']) {
                const data = new DataTransfer();
                data.items.add(new File([blob], name, {type: 'image/png'}));
                const happening = new Event('paste', {bubbles: true, cancelable: true});
                Object.defineProperty(happening, 'clipboardData', {value: data});
                document.querySelector('[name=text]').dispatchEvent(happening);
              }
            });
        """)
        self.wait_until(lambda: self.text().count('/picture/') == 2, 'There are not both')

    def test_what_is_typed_while_a_picture_is_sent_stays_whole(self):
        self.type('text', 'One\n\nTwo')
        with self.locked_database():
            self.one('[name=pictures]').send_keys(self.make_picture())
            self.wait_until(lambda: self.all('.sending progress'), 'It is not being sent')
            self.driver.execute_script(
                "const text = document.querySelector('[name=text]');"
                'text.focus(); text.setSelectionRange(3, 3);'
            )
            self.type_keys(' and more')
        self.wait_until(lambda: '/picture/' in self.text(), 'There is no picture')
        self.type_keys(', and still more')
        text = re.sub(r'\(/picture/.*?\)', '()', self.text())
        words = 'One and more, and still more\n\n![What the picture shows]()\n\nTwo'
        self.assertEqual(text, words)

    def test_a_picture_can_be_taken_out_of_the_text_again(self):
        self.type('text', 'Look')
        self.one('[name=pictures]').send_keys(self.make_picture())
        self.wait_until(lambda: '/picture/' in self.text(), 'There is no picture')
        self.type('text', Keys.CONTROL + 'z')
        self.wait_until(lambda: self.text() == 'Look', 'It is still there')

    def test_what_is_no_picture_is_told_and_nothing_typed_is_lost(self):
        self.type('text', 'Kept')
        self.one('[name=pictures]').send_keys(f'{__file__}\n{cases.__file__}')
        self.see('cases.py: No picture is found in it')
        self.see('test_browser.py: No picture is found in it')
        self.assertEqual(self.text(), 'Kept')

    def test_an_entry_gets_and_loses_its_title_in_place(self):
        self.type('text', 'Just some words')
        self.press('Share')
        self.see('successfully posted')
        self.see_titles('First')
        self.press('Edit')
        self.see_focus('title')
        self.type_keys('Now a title')
        self.press('Save')
        self.see_titles('Now a title', 'First')
        self.press('Edit')
        self.see_focus('title')
        self.driver.execute_script('document.activeElement.value = ""')
        self.press('Save')
        self.see_titles('First')
        self.assertEqual(len(self.all('h1')), 1)
        self.assertStillSamePage()

    def test_saving_over_a_newer_save_shows_both_texts(self):
        self.press('Edit')
        self.see_focus('title')
        self.type_keys(Keys.TAB, ' from this tab')
        self.query("update entries set text = 'From another tab', version = version + 1")
        self.press('Save')
        self.see('saved from somewhere else')
        self.see('From another tab')
        self.assertIn('from this tab', self.one('.entries [name=text]').get_attribute('value'))
        self.press('Save')
        self.see('The entry was saved')
        self.assertIn('from this tab', self.query('select text from entries')[0][0])

    def test_a_message_can_be_closed(self):
        self.press('Delete')
        self.see('is in the trash')
        self.press('Close')
        self.see_no('is in the trash')
        self.see_focus('Entries')

    def test_a_message_of_success_goes_by_itself_but_not_the_undo_that_has_the_focus(self):
        hurry = 'const later = setTimeout; setTimeout = (work, time) => later(work, time / 50);'
        command = 'Page.addScriptToEvaluateOnNewDocument'
        script = self.driver.execute_cdp_cmd(command, {'source': hurry})
        self.addCleanup(
            self.driver.execute_cdp_cmd, 'Page.removeScriptToEvaluateOnNewDocument', script
        )
        self.open('/')
        self.type('title', 'Second')
        self.press('Share')
        self.see_titles('Second', 'First')
        self.see_no('successfully posted')
        self.press('Delete')
        self.see_focus('Undo')
        time.sleep(0.5)
        self.see('is in the trash')
        self.type('title', 'Third')
        self.see_no('is in the trash')

    def test_a_message_of_success_does_not_stay_when_the_next_thing_fails(self):
        self.see('successfully posted')
        self.kill()
        self.type('title', 'Second')
        self.press('Share')
        self.see('The server cannot be reached')
        self.see_no('successfully posted')

    def test_what_could_not_be_deleted_stays_and_the_page_says_why(self):
        self.kill()
        self.press('Delete')
        self.see('The server cannot be reached')
        self.see_titles('First')

    def test_an_undo_that_fails_can_be_tried_again(self):
        self.press('Delete')
        self.see_focus('Undo')
        self.kill()
        for _ in range(2):
            self.press('Undo')
            self.see('The server cannot be reached')
            self.assertEqual(len(self.all('.message')), 2)
        self.restart()
        self.press('Undo')
        self.see('“First” is back')
        self.see_titles('First')

    def test_a_return_in_the_title_leads_to_the_text(self):
        self.type('title', 'Second' + Keys.ENTER)
        self.see_focus('text')
        self.assertEqual(self.stored(), ['First'])

    def test_escape_does_not_close_an_editor_while_it_is_saved(self):
        self.press('Edit')
        self.see_focus('title')
        self.type_keys(' edited')
        with self.locked_database():
            self.press('Save')
            self.wait_until(lambda: self.all('[readonly]'), 'It is not being saved')
            self.type_keys(Keys.ESCAPE)
        self.see_titles('First edited')
        self.assertEqual(self.driver.title, 'Flaskr')

    def test_a_message_is_shown_once_however_often_it_is_true(self):
        self.query('delete from entries')
        for _ in range(3):
            self.press('Edit')
            self.see('There is no such entry')
        self.assertEqual(len(self.all('.message')), 1)

    def test_escape_closes_an_editor_and_what_was_typed_is_offered_again(self):
        self.press('Edit')
        self.see_focus('title')
        self.type_keys(' later', Keys.ESCAPE)
        self.see_titles('First')
        self.see_focus('Edit “First”')
        self.press('Edit')
        self.see('This is what you typed before')

    def test_a_session_that_has_ended_leads_to_the_login_and_on_to_the_editor(self):
        self.driver.delete_cookie('session')
        self.press('Edit')
        self.type('username', 'admin')
        self.type('password', 'secret' + Keys.ENTER)
        self.wait_until(lambda: self.driver.title.startswith('Edit'), 'Not the editor')

    def test_what_another_tab_added_meanwhile_appears_too(self):
        self.query("insert into entries (title, text) values ('Second', '')")
        self.share('Third')
        self.see_titles('Third', 'Second', 'First')

    def test_what_is_typed_into_two_forms_outlasts_a_reload_although_one_entry_is_gone(self):
        self.press('Edit')
        self.see_focus('title')
        self.type_keys(' again')
        self.query('delete from entries')
        self.press('Save')
        self.see('you can share it as a new entry')
        self.one('main > .entry-form [name=title]').send_keys('New')
        self.one('.entries [name=title]').send_keys(' and again')
        self.open('/')
        self.assertEqual(self.one('[name=title]').get_attribute('value'), 'New')
        self.press('Share')
        self.see_titles('New')
        self.open('/')
        self.see('This is what you typed before')
        self.assertEqual(self.one('[name=title]').get_attribute('value'), 'First again and again')
        self.press('Share')
        self.see_titles('First again and again', 'New')
        self.open('/')
        self.assertEqual(self.one('[name=title]').get_attribute('value'), '')

    def test_escape_closes_no_editor_whose_text_could_not_be_kept(self):
        block = "Storage.prototype.getItem = Storage.prototype.setItem = () => { throw 'full' }"
        self.driver.execute_script(block)
        self.press('Edit')
        self.see_focus('title')
        self.type_keys(' edited', Keys.ESCAPE)
        self.assertEqual(self.one('.entries [name=title]').get_attribute('value'), 'First edited')

    def test_what_is_typed_elsewhere_on_the_page_outlasts_another_page_in_its_place(self):
        self.press('Edit')
        self.see_focus('title')
        self.query('delete from entries')
        self.one('main > .entry-form [name=title]').send_keys('Not yet')
        self.press('Save')
        self.see('you can share it as a new entry')
        self.one('.entries .entry-form button').click()
        self.see_titles('First')
        self.wait_until(
            lambda: self.one('[name=title]').get_attribute('value') == 'Not yet', 'It is gone'
        )

    def test_what_is_too_long_is_told_in_place(self):
        self.driver.execute_script(
            "document.querySelector('[name=text]').value = 'x'.repeat(5000000)"
        )
        self.type('title', 'Second')
        self.press('Share')
        self.see('That is too much at once')
        self.see('Make it shorter, or post it in parts')
        self.assertStillSamePage()

    def test_with_the_control_key_a_return_shares(self):
        self.type('title', 'Second')
        self.type('text', 'Two' + Keys.CONTROL + Keys.ENTER)
        self.see_titles('Second', 'First')

    def test_while_an_entry_is_on_its_way_its_form_cannot_be_changed(self):
        with self.locked_database():
            self.type('title', 'Second')
            self.press('Share')
            self.wait_until(
                lambda: self.one('[name=title]').get_attribute('readonly'), 'It can be changed'
            )
        self.see_titles('Second', 'First')
        self.type('title', 'Third')
        self.assertEqual(self.one('[name=title]').get_attribute('value'), 'Third')

    def test_a_button_pressed_twice_posts_once(self):
        self.type('title', 'Once')
        self.driver.execute_script(
            "const button = document.querySelector('.entry-form button');"
            'button.click(); button.click(); button.click();'
        )
        self.see_titles('Once', 'First')
        time.sleep(0.3)
        self.assertEqual(self.stored(), ['First', 'Once'])

    def test_the_trash_gives_back_and_deletes_forever(self):
        self.share('Second')
        self.press('Delete')
        self.see('“Second” is in the trash')
        self.press('Delete')
        self.see('“First” is in the trash')
        self.press('Trash')
        self.see_titles('Second', 'First')
        self.press('Restore')
        self.see('“Second” is back')
        self.press('Trash')
        self.see_titles('First')
        self.press('Delete')
        self.assertIn('Delete “First” forever?', self.answer('Cancel'))
        self.assertEqual(self.titles(), ['First'])
        self.press('Delete')
        self.answer('OK')
        self.see('“First” is deleted forever')
        self.assertEqual(self.stored(), ['Second'])

    def test_the_author_comes_back_to_the_page_that_was_asked_for(self):
        self.open('/logout')
        self.open('/trash')
        self.type('username', 'admin')
        self.type('password', 'secret' + Keys.ENTER)
        self.see('The trash is empty')

    def test_the_keyboard_alone_is_enough(self):
        self.open('/')
        self.type_keys(*[Keys.TAB] * 8)
        self.see_focus('title')
        self.type_keys('Second', Keys.TAB, 'Two', Keys.TAB, Keys.TAB, Keys.ENTER)
        self.see_titles('Second', 'First')
        self.see_focus('title')
        self.type_keys(*[Keys.TAB] * 7)
        self.see_focus('Edit “Second”')
        self.type_keys(Keys.ENTER)
        self.see_focus('title')
        self.type_keys(' edited', *[Keys.TAB] * 3, Keys.ENTER)
        self.see_titles('Second edited', 'First')
        self.see_focus('Edit “Second edited”')
        self.type_keys(Keys.TAB, Keys.ENTER)
        self.see_titles('First')
        self.see_focus('Undo')
        self.type_keys(Keys.ENTER)
        self.see_titles('Second edited', 'First')


@cases.on_both_engines
class FirefoxAuthorTest(InFirefox, AuthorTest):
    # This is done by a command that only Chromium has.
    test_a_message_of_success_goes_by_itself_but_not_the_undo_that_has_the_focus = None


@cases.on_both_engines
class NothingIsLostTest(BrowserTestCase):
    """What is typed is kept until the server has said that it is stored."""

    def setUp(self):
        super().setUp()
        self.log_in()

    def value(self, name):
        return self.one(f'[name={name}]').get_attribute('value')

    def type_entry(self):
        self.type('title', 'My title')
        self.type('text', 'My text')

    def assertKept(self):
        self.wait_until(lambda: self.value('text') == 'My text', 'The text is not there')
        self.assertEqual(self.value('title'), 'My title')

    def test_what_is_shared_does_not_replace_what_was_typed(self):
        self.open('/')
        self.type('title', 'Mine')
        self.open('/share?title=Shared')
        self.type('title', ' and more')
        self.open('/')
        self.see('This is what you typed before')
        self.assertEqual(self.one('[name=title]').get_attribute('value'), 'Mine')
        self.open('/share?title=Other')
        self.press('Exchange the two')
        self.assertEqual(self.one('[name=title]').get_attribute('value'), 'Shared and more')

    def test_a_closed_tab(self):
        self.type_entry()
        self.open('/login')
        self.open('/')
        self.assertKept()
        self.see('This is what you typed before')

    def test_a_browser_that_keeps_nothing_can_share_all_the_same(self):
        block = "Storage.prototype.getItem = Storage.prototype.setItem = () => { throw 'full' }"
        self.driver.execute_script(block)
        self.type_entry()
        self.see('This browser has no room')
        self.press('Share')
        self.see_titles('My title')

    def test_a_browser_that_forbids_to_keep_anything_can_share_all_the_same(self):
        forbid = """
            for (const name of ['localStorage', 'sessionStorage']) {
                Object.defineProperty(window, name, {get() { throw new Error('forbidden'); }});
            }
        """
        command = 'Page.addScriptToEvaluateOnNewDocument'
        script = self.driver.execute_cdp_cmd(command, {'source': forbid})
        self.addCleanup(
            self.driver.execute_cdp_cmd, 'Page.removeScriptToEvaluateOnNewDocument', script
        )
        self.open('/')
        self.reload_mark()
        self.type_entry()
        self.press('Share')
        self.see_titles('My title')
        self.assertStillSamePage()
        self.open('/edit/1')
        self.type('title', ' edited')
        self.press('Save')
        self.see_titles('My title edited')

    def test_what_was_typed_before_can_be_discarded(self):
        self.type_entry()
        self.open('/')
        self.press('Discard it')
        self.assertEqual(self.value('text'), '')
        self.open('/')
        self.assertEqual(self.value('text'), '')

    def test_what_was_pasted_by_a_tool_is_not_offered_again_either(self):
        """Some tools change a field without the browser telling the page."""
        self.type('title', 'My title')
        self.driver.execute_script("document.querySelector('[name=text]').value = 'Pasted'")
        self.press('Share')
        self.see_titles('My title')
        self.open('/')
        self.assertEqual(self.value('title'), '')

    def test_what_another_tab_typed_does_not_take_the_place_of_this(self):
        first = self.driver.current_window_handle
        self.type_entry()
        self.driver.switch_to.new_window('tab')
        self.open('/')
        self.press('Discard it')
        self.share('From the other tab')
        self.driver.close()
        self.driver.switch_to.window(first)
        self.open('/login')
        self.open('/')
        self.assertKept()

    def test_what_is_stored_is_not_offered_again(self):
        self.type_entry()
        self.press('Share')
        self.see_titles('My title')
        self.open('/')
        self.assertEqual(self.value('text'), '')

    def test_a_server_that_was_killed_between_typing_and_posting(self):
        self.type_entry()
        self.kill()
        self.press('Share')
        self.see('The server cannot be reached')
        self.assertKept()
        self.restart()
        self.press('Share')
        self.see_titles('My title')
        self.assertEqual(self.stored(), ['My title'])

    def test_a_browser_that_is_opened_again_after_the_server_was_killed(self):
        self.type_entry()
        self.kill()
        self.press('Share')
        self.see('The server cannot be reached')
        self.restart()
        self.open('/')
        self.assertKept()

    def test_a_session_that_has_ended(self):
        self.type_entry()
        self.driver.delete_cookie('session')
        self.press('Share')
        self.see('You are not logged in')
        self.assertKept()
        page = self.driver.current_window_handle
        self.press('Log in in a new tab')
        self.wait_until(lambda: len(self.driver.window_handles) == 2, 'There is no new tab')
        self.driver.switch_to.window(self.driver.window_handles[1])
        self.type('username', 'admin')
        self.type('password', 'secret' + Keys.ENTER)
        self.see('You were logged in')
        self.driver.close()
        self.driver.switch_to.window(page)
        self.press('Share')
        self.see_titles('My title')

    def test_a_database_that_is_busy(self):
        with self.locked_database():
            self.type_entry()
            self.press('Share')
            self.see('The database is busy')
            self.assertKept()
        self.press('Share')
        self.see_titles('My title')

    def test_an_edit_is_kept_apart_from_a_new_entry_and_from_other_edits(self):
        self.share('First')
        self.share('Second')
        self.type_entry()
        self.open('/edit/1')
        self.type('title', ' edited')
        self.open('/edit/2')
        self.assertEqual(self.value('title'), 'Second')
        self.open('/edit/1')
        self.assertEqual(self.value('title'), 'First edited')
        self.open('/')
        self.assertKept()


@cases.on_both_engines
class FirefoxNothingIsLostTest(InFirefox, NothingIsLostTest):
    # This is done by a command that only Chromium has.
    test_a_browser_that_forbids_to_keep_anything_can_share_all_the_same = None


@cases.on_both_engines
class ReloadTest(BrowserTestCase):
    """What a reload leaves; Firefox fills all but the hidden fields of a form in again."""

    def setUp(self):
        super().setUp()
        self.log_in()

    def reload(self, script=''):
        """Run a script, and half a second later do what F5 does.

        Not refresh(): in Firefox that is Ctrl+F5, which leaves nothing.
        """
        self.reload_mark()
        self.driver.execute_script(f'{script}; setTimeout(() => location.reload(), 500)')
        is_marked = 'return window.marked'
        self.wait_until(
            lambda: not self.driver.execute_script(is_marked) and self.is_loaded(),
            'It is not loaded again',
        )

    def edit_what_is_saved_meanwhile(self):
        self.share('First', 'One')
        self.open('/edit/1')
        self.type('text', ' from this tab')
        self.query("update entries set text = 'From another tab', version = version + 1")

    def see_both_texts(self):
        self.see('saved from somewhere else')
        self.see('From another tab')
        self.assertIn('from this tab', self.one('[name=text]').get_attribute('value'))

    def test_an_edit_does_not_go_over_a_save_from_before_the_reload(self):
        self.edit_what_is_saved_meanwhile()
        self.reload()
        self.press('Save')
        self.see_both_texts()

    def test_a_conflict_is_shown_again(self):
        self.edit_what_is_saved_meanwhile()
        self.press('Save')
        self.see_both_texts()
        self.reload()
        if 'saved from somewhere else' not in self.page():  # it is, if the form is sent again
            self.press('Save')
        self.see_both_texts()

    def test_a_conflict_in_which_somebody_has_typed_is_shown_again(self):
        self.edit_what_is_saved_meanwhile()
        self.press('Save')
        self.see_both_texts()
        self.type('text', ' and more')
        self.reload()
        self.press('Save')
        self.see_both_texts()

    def test_a_conflict_that_was_settled_is_over(self):
        self.edit_what_is_saved_meanwhile()
        self.press('Save')
        self.see_both_texts()
        self.press('Save')
        self.see('The entry was saved')
        self.open('/edit/1')
        self.see_no('This is what you typed before')
        self.type('text', ', later')
        self.press('Save')
        self.see('The entry was saved')

    def test_a_browser_that_fills_the_form_in_again_does_not_change_the_version(self):
        self.share('First', 'One')
        self.open('/edit/1')
        self.type('text', ' from this tab')
        typed = self.one('[name=text]').get_attribute('value')
        self.query("update entries set text = 'From another tab', version = version + 1")
        fill_in = f"""
            document.addEventListener('readystatechange', () => {{
                document.querySelector('[name=text]').value = '{typed}';
            }}, {{once: true}});
        """
        command = 'Page.addScriptToEvaluateOnNewDocument'
        script = self.driver.execute_cdp_cmd(command, {'source': fill_in})
        self.open('/edit/1')
        self.driver.execute_cdp_cmd('Page.removeScriptToEvaluateOnNewDocument', script)
        self.press('Save')
        self.see_both_texts()

    def test_a_post_whose_answer_was_lost_is_stored_once(self):
        self.type('title', 'My title')
        self.type('text', 'My text')
        with self.locked_database():
            self.reload("document.querySelector('.entry-form button').click()")
        self.wait_until(self.stored, 'It is not stored')
        self.press('Share')
        self.see('New entry was successfully posted')
        self.assertEqual(self.stored(), ['My title'])


@cases.on_both_engines
class FirefoxReloadTest(InFirefox, ReloadTest):
    # This is done by a command that only Chromium has.
    test_a_browser_that_fills_the_form_in_again_does_not_change_the_version = None


@cases.on_both_engines
class ReaderTest(BrowserTestCase):
    def setUp(self):
        super().setUp()
        self.log_in()
        self.share('Apples', 'Some *crisp* apples')
        self.query("update entries set created = '2026-11-21T23:30:00Z'")
        self.driver.delete_all_cookies()

    def open(self, path):
        """Open a page when every change shows; on Postgres that takes its time."""
        if self.is_on_postgres:
            time.sleep(app.PAGE_AGE)
        super().open(path)

    def test_a_phone_can_install_the_blog(self):
        self.open('/')
        ask = self.driver.execute_cdp_cmd
        self.assertEqual(ask('Page.getAppManifest', {})['errors'], [])
        self.assertEqual(ask('Page.getInstallabilityErrors', {})['installabilityErrors'], [])

    def test_what_was_shared_is_in_the_form_after_the_login(self):
        self.open('/share?title=A+title&text=%23cats+%26+dogs&url=https://example.org/?a=b%26c')
        self.type('username', 'admin')
        self.type('password', 'secret' + Keys.ENTER)
        self.see('You were logged in')
        self.assertEqual(self.one('[name=title]').get_attribute('value'), 'A title')
        text = '#cats & dogs\n\nhttps://example.org/?a=b&c'
        self.assertEqual(self.one('[name=text]').get_attribute('value'), text)

    def test_times_are_in_the_readers_own_zone_with_the_full_one_on_hover(self):
        zone = {'timezoneId': 'Asia/Tokyo'}
        self.driver.execute_cdp_cmd('Emulation.setTimezoneOverride', zone)
        self.open('/')
        self.see('November 22, 2026')
        title = self.one('.meta time').get_attribute('title')
        self.assertIn('Sunday', title)
        self.assertIn('8:30:00', title)
        self.driver.execute_cdp_cmd('Emulation.setTimezoneOverride', {'timezoneId': ''})

    def test_a_time_in_a_text_stays_as_the_author_wrote_it(self):
        self.query("update entries set text = 'See you <time>next week</time>'")
        self.open('/')
        self.see('next week')

    def test_a_reader_searches_and_opens_what_is_found(self):
        self.press('Search')
        self.see_focus('q')
        self.type('q', 'CRISP' + Keys.ENTER)
        self.see_titles('Apples')
        self.assertEqual(self.one('mark').text, 'crisp')
        self.press('Apples')
        self.wait_until(lambda: self.driver.title == 'Apples – Flaskr', 'Not the entry')

    def test_a_reader_pages_back_and_forth(self):
        for number in range(25):
            self.query('insert into entries (title, text) values (?, ?)', f'Entry {number}', '')
        self.open('/')
        self.assertEqual(len(self.titles()), 20)
        self.press('Older')
        self.wait_until(lambda: len(self.titles()) == 6, 'Not the second page')
        self.press('Newest')
        self.wait_until(lambda: len(self.titles()) == 20, 'Not the first page')

    def test_no_page_is_wider_than_a_phone(self):
        self.query('update entries set text = ?', f'{"x" * 200}\n\n<table><td>{"y" * 300}</table>')
        size = {'width': 360, 'height': 740, 'deviceScaleFactor': 1, 'mobile': True}
        self.driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', size)
        for path in ['/', '/entry/1', '/search?q=apples', '/login', '/nowhere']:
            self.open(path)
            width = self.driver.execute_script('return document.documentElement.scrollWidth')
            self.assertLessEqual(width, 360)
        self.driver.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})


@cases.on_both_engines
class ForeignHtmlTest(BrowserTestCase):
    """What an entry brings in from elsewhere does nothing."""

    def setUp(self):
        super().setUp()
        self.foreign_requests = []
        self.start_foreign_site()
        self.log_in()

    def start_foreign_site(self):
        requests = self.foreign_requests

        class Foreign(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                requests.append(self.path)
                self.send_response(204)
                self.end_headers()

            do_POST = do_GET

            def log_message(self, *args):
                pass

        site = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Foreign)
        threading.Thread(target=site.serve_forever).start()
        self.addCleanup(site.server_close)
        self.addCleanup(site.shutdown)
        self.foreign = f'http://127.0.0.1:{site.server_port}'

    def assertHarmless(self, html):
        """Assert that nothing happens when it is added in place, nor on a fresh page."""
        self.share('Pasted', html)
        time.sleep(0.2)
        for path in ['/', '/entry/1']:
            self.assertIsNone(self.driver.execute_script('return window.pwned'))
            self.open(path)
            self.see('Pasted')
        self.assertIsNone(self.driver.execute_script('return window.pwned'))
        self.assertEqual(self.foreign_requests, [])

    def test_a_script(self):
        self.assertHarmless(
            f'Hello <script>window.pwned = 1</script><script src="{self.foreign}/x.js"></script>'
        )

    def test_a_script_in_an_attribute(self):
        self.assertHarmless(
            '<img src="/static/none" onerror="window.pwned = 1"> '
            '<a href="javascript:window.pwned = 1" autofocus onfocus="window.pwned = 1">x</a>'
        )

    def test_a_base_address(self):
        self.assertHarmless(f'Hello <base href="{self.foreign}/">')
        link = self.one('.site .name').get_attribute('href')
        self.assertEqual(link, f'{self.address}/')

    def test_a_foreign_form(self):
        form = f'<form action="{self.foreign}/steal"><button id="steal">Win</button></form>'
        self.assertHarmless(form)
        self.assertEqual(self.all('.text form, .text button'), [])

    def test_html_that_looks_like_the_blogs_own(self):
        self.assertHarmless(
            '<form class="entry-form"></form><div class="entries"></div>'
            '<div class="messages"></div><article class="entry" id="entry-9"></article>'
        )
        self.open('/')
        self.share('Next')
        self.assertEqual(self.titles(), ['Next', 'Pasted'])
        self.assertEqual(len(self.all('main > .entries > .entry')), 2)

    def test_a_foreign_frame_and_style(self):
        self.assertHarmless(
            f'<iframe src="{self.foreign}/frame"></iframe>'
            f'<link rel="stylesheet" href="{self.foreign}/style.css">'
        )


@cases.on_both_engines
class FirefoxForeignHtmlTest(InFirefox, ForeignHtmlTest):
    pass


@cases.on_both_engines
class AccessibilityTest(BrowserTestCase):
    """axe-core finds nothing wrong, in light and in dark, logged out and in."""

    def assertNoViolations(self, path):
        for scheme, width in itertools.product(['light', 'dark'], [1200, 360]):
            feature = {'name': 'prefers-color-scheme', 'value': scheme}
            self.driver.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': [feature]})
            screen = {'width': width, 'height': 740, 'deviceScaleFactor': 1, 'mobile': False}
            self.driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', screen)
            self.open(path)
            self.check(f'{path} in {scheme}, {width} pixels wide')
            scrolls = 'return document.documentElement.scrollWidth > window.innerWidth'
            self.assertFalse(self.driver.execute_script(scrolls), f'{path} is too wide')

    def check(self, what):
        axe = Axe(self.driver)
        axe.inject()
        violations = axe.run()['violations']
        self.assertEqual(violations, [], f'{what}:\n{axe.report(violations)}')

    def fill_the_blog(self):
        self.log_in()
        wide = 'x' * 300
        statement = (
            'insert into pictures (name, width, height, created, content) values (?, 40, 30, ?, ?)'
        )
        self.query(statement, '0' * 32, '2026-11-21T23:30:00Z', b'')
        self.share(
            'With all sorts',
            '# A\n\n> B\n\n`c` **d** [e](/)\n\n1. g\n\n![h](/i)\n\n- [ ] j\n- [x] k\n\n'
            f'#cats\n\n```\n{wide}\n```\n\n| l | m |\n|--:|:-:|\n| n | {wide} |\n',
        )
        self.query("update entries set updated = '2026-11-21T23:30:00Z'")
        self.share('For the trash')
        self.press('Delete')
        self.see('is in the trash')
        for deleted in [None, '2026-11-21T23:30:00Z']:
            statement = "insert into drafts (title, text, deleted) values ('Begun', 'A *draft*', ?)"
            self.query(statement, deleted)
        self.query("insert into entries (title, text, created) values ('', 'Words', '2026-11-21')")
        for number in range(25):
            self.query('insert into entries (title, text) values (?, ?)', f'Entry {number}', '')

    def test_the_pages_of_readers(self):
        self.fill_the_blog()
        self.driver.delete_all_cookies()
        for path in [
            '/', '/?before=20', '/entry/1', '/search', '/search?q=sorts', '/search?q=zebra',
            '/login', '/nowhere', '/tags', '/tag/cats',
        ]:  # fmt: skip
            self.assertNoViolations(path)

    def test_the_pages_of_the_author(self):
        self.fill_the_blog()
        for path in [
            '/', '/entry/1', '/entry/3', '/edit/1', '/trash', '/search?q=sorts', '/nowhere',
            '/drafts', '/drafts/edit/1', '/drafts/trash',
            '/pictures', f'/pictures/delete/{"0" * 32}',
            '/share?title=A+title&text=Some+words&url=https://example.org', '/tags', '/tag/cats',
        ]:  # fmt: skip
            self.assertNoViolations(path)

    def test_the_empty_blog(self):
        self.assertNoViolations('/')
        self.log_in()
        self.assertNoViolations('/')
        self.assertNoViolations('/trash')

    def test_the_pages_that_say_what_is_wrong(self):
        self.open('/login')
        self.type('username', 'admin')
        self.type('password', 'wrong' + Keys.ENTER)
        self.see('Invalid password')
        self.check('The login with a wrong password')
        self.log_in()
        self.share('First')
        self.press('Edit')
        self.see_focus('title')
        self.type_keys(Keys.TAB, 'From this tab')
        self.query("update entries set text = 'From another tab', version = version + 1")
        self.press('Save')
        self.see('From another tab')
        self.check('The form with both texts')
        self.query('drop table internals')
        self.open('/entry/1')
        self.see('The blog is out of order')
        self.check('The page without a database')

    def test_the_page_without_a_password(self):
        self.kill()
        self.start(password='')
        self.assertNoViolations('/login')

    def test_what_the_script_shows(self):
        self.log_in()
        self.share('First')
        self.check('The message after sharing')
        self.press('Edit')
        self.see_focus('title')
        self.check('The form in place of an entry')
        self.press('Cancel')
        self.press('Delete')
        self.see_focus('Undo')
        self.check('The message with its button')
        self.type('title', ' ')
        self.press('Share')
        self.see('Title is required.')
        self.check('The form with an error')
        self.open('/')
        self.type('title', 'Typed before')
        self.open('/')
        self.see('This is what you typed before')
        self.check('The form with what was typed before')
        self.press('Preview')
        self.one('.preview')
        self.check('The form with a preview')
        self.driver.execute_script(
            "const [form] = document.forms; form.action = '/preview'; form.submit()"
        )
        self.see('What you typed')
        self.check('The page with a preview')


@cases.on_both_engines
class WithoutJavaScriptTest(BrowserTestCase):
    """Everything but the saving of drafts works without the script."""

    javascript = False

    def setUp(self):
        super().setUp()
        self.log_in()
        self.share('First', 'One')

    def test_the_script_is_off(self):
        self.see('UTC')

    def test_adding(self):
        self.share('Second')
        self.see_titles('Second', 'First')

    def test_editing(self):
        self.press('Edit')
        self.type('title', ' edited')
        self.press('Save')
        self.see('The entry was saved')
        self.see_titles('First edited')

    def test_deleting_and_undoing(self):
        self.press('Delete')
        self.see('“First” is in the trash')
        self.press('Undo')
        self.see('“First” is back')
        self.see_titles('First')

    def test_emptying_the_trash(self):
        self.press('Delete')
        self.see('“First” is in the trash')
        self.press('Trash')
        self.press('Delete')
        self.see('“First” is deleted forever')

    def test_a_preview_is_a_page_with_the_form(self):
        self.press('Edit')
        self.type('text', ' and *more*')
        self.press('Preview')
        self.assertEqual(self.one('.preview em').text, 'more')
        self.type('text', ' still')
        self.press('Save')
        self.see('The entry was saved')
        self.see('One and more still')

    def test_adding_a_picture(self):
        self.type('text', 'Look')
        folder = self.enterContext(tempfile.TemporaryDirectory())
        path = os.path.join(folder, 'cat.png')
        Image.new('RGB', (40, 30)).save(path)
        self.one('[name=pictures]').send_keys(path)
        self.press('Add pictures')
        self.assertEqual(self.one('.preview img').get_property('width'), 40)
        self.press('Share')
        self.see('New entry was successfully posted')
        self.assertEqual(self.one('.entry img').get_property('naturalWidth'), 40)

    def test_keeping_and_sharing_a_draft(self):
        self.type('title', 'Begun')
        self.press('Keep as draft')
        self.see('The draft was kept')
        self.press('Edit')
        self.type('text', 'Done')
        self.press('Share')
        self.see('New entry was successfully posted')
        self.see_titles('Begun', 'First')

    def test_searching(self):
        self.press('Search')
        self.type('q', 'fir' + Keys.ENTER)
        self.see_titles('First')

    def test_an_entry_without_words_is_refused(self):
        self.type('title', ' ')
        self.press('Share')
        self.see('Title is required.')

    def test_saving_over_a_newer_save_shows_both_texts(self):
        self.press('Edit')
        self.type('text', ' from this tab')
        self.query("update entries set text = 'From another tab', version = version + 1")
        self.press('Save')
        self.see('saved from somewhere else')
        self.see('From another tab')
        self.press('Save')
        self.see('The entry was saved')


class TutorialTest(BrowserTestCase):
    """The script that a learner types, until the tutorial gives him the one that is shipped."""

    def find_pages(self):
        """Give the name of each page that changes this script, and the files after it."""
        shipped, script = (cases.FOLDER / SCRIPT).read_text(encoding='utf-8'), None
        for page in replay(cases.FOLDER):
            if page.after:  # or it can't be followed, which test_tutorial.py tells
                files = read_texts(page.end())
                before, script = script, files.get(SCRIPT)
                if script not in (None, before, shipped):
                    yield page.name, files

    def start_learners(self, files):
        """Start a learner's blog with its defaults; each worker has a secret of its own."""
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding='utf-8')
        self.kill()
        self.start('--workers', '1', folder=folder, password='', DATABASE_URL='')
        self.driver.get_log('browser')  # which forgets what it tells

    def assertNoErrors(self):
        log = self.driver.get_log('browser')
        self.assertEqual([line['message'] for line in log if line['level'] == 'SEVERE'], [])

    def test_an_entry_is_deleted_in_its_place(self):
        pages = [*self.find_pages()]
        self.assertNotEqual(pages, [])
        for name, files in pages:
            with self.subTest(page=name):
                self.start_learners(files)
                self.log_in('admin')
                self.share('First')
                self.share('Second')
                self.assertNoErrors()
                self.reload_mark()
                self.press('Delete')
                if 'Delete this entry?' in files[SCRIPT]:
                    self.answer('OK')
                self.see_titles('First')
                self.assertStillSamePage()
                self.assertNoErrors()
