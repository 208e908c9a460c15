"""What is on the pages, in the feed and in the sitemap: more than test.py has room for."""

import re
from xml.etree import ElementTree

from tests import cases


@cases.on_both_engines
class ReadingTest(cases.FlaskrTestCase):
    def test_an_entry_tells_when_it_was_edited(self):
        self.add_entries('Title')
        self.query("update entries set updated = '2026-11-22T03:04:05Z'")
        self.assertShows(self.read_index(), 'datetime="2026-11-22T03:04:05Z"')

    def test_an_entry_of_the_tutorial_tells_no_time(self):
        self.add_entries('Title')
        self.query('update entries set created = null')
        self.assertDoesNotShow(self.read_index(), '<time')

    def test_an_entry_of_the_tutorial_without_a_title_has_its_words_as_the_link(self):
        self.login()
        self.add_entry('', 'Some words')
        self.query('update entries set created = null')
        self.assertEqual(self.titles(), ['Some words'])

    def test_the_page_of_an_entry_without_a_title_has_a_heading_for_screen_readers(self):
        self.login()
        self.add_entry('', 'Some words')
        self.assertShows(self.client.get('/entry/1'), '<h1 class="unseen">Some words</h1>')
        self.assertDoesNotShow(self.read_index(), 'Some words</h')

    def test_an_entry_without_a_title_has_no_link_in_the_trash(self):
        self.login()
        self.add_entry('', 'Some words')
        self.post('/delete/1')
        self.assertDoesNotShow(self.client.get('/trash'), '/entry/1')

    def test_an_entry_is_marked_up_for_readers_of_microformats(self):
        self.add_entries('Title')
        for name in ['h-entry', 'p-name', 'u-url', 'dt-published', 'e-content']:
            self.assertShows(self.read_index(), name)

    def test_an_entry_tells_other_sites_how_to_show_a_link_to_it(self):
        self.login()
        self.add_entry('My "title"', 'Some <em>fine</em> words')
        response = self.client.get('/entry/1')
        for name, content in [
            ('og:title', 'My &#34;title&#34;'),
            ('og:description', 'Some fine words'),
            ('og:url', 'http://localhost/entry/1'),
        ]:
            self.assertShows(response, f'<meta property="{name}" content="{content}">')
        self.assertShows(response, '<link rel="canonical" href="http://localhost/entry/1">')

    def test_every_page_tells_its_address_and_what_it_is_about(self):
        for path in ['/', '/login', '/search?q=x']:
            response = self.client.get(path)
            for name in ['og:title', 'og:description', 'og:url']:
                self.assertShows(response, f'<meta property="{name}" content="')
            self.assertShows(response, '<link rel="canonical"')

    def test_the_index_tells_its_own_address(self):
        for path in ['/', '/?before=7']:
            page = self.client.get(path).get_data(as_text=True)
            address = re.search('<link rel="canonical" href="([^"]*)"', page)[1]
            self.assertEqual(address, f'http://localhost{path}')

    def test_every_page_leads_to_the_feed_and_has_an_icon(self):
        for path in ['/', '/login', '/search', '/nowhere']:
            response = self.client.get(path)
            self.assertShows(response, 'type="application/atom+xml"')
            self.assertShows(response, '<link rel="icon"')

    def test_the_sitemap_lists_the_index_and_the_entries_and_no_more(self):
        self.add_entries('First', 'Second', 'Third')
        self.query("update entries set updated = '2026-11-22T03:04:05Z' where id = 3")
        self.post('/delete/2')
        root = ElementTree.fromstring(self.client.get('/sitemap.xml').data)
        site = '{http://www.sitemaps.org/schemas/sitemap/0.9}'
        self.assertEqual(
            [place.text for place in root.iter(f'{site}loc')],
            ['http://localhost/', 'http://localhost/entry/3', 'http://localhost/entry/1'],
        )
        self.assertEqual(next(root.iter(f'{site}lastmod')).text, '2026-11-22T03:04:05Z')

    def test_the_sitemap_has_at_most_ten_thousand_addresses_the_newest(self):
        self.add_numbered_entries(10_005)
        page = self.client.get('/sitemap.xml').get_data(as_text=True)
        self.assertEqual(page.count('<loc>'), 10_000)
        self.assertIn('/entry/10005<', page)


@cases.on_both_engines
class PagingTest(cases.FlaskrTestCase):
    """The index in pages of two; entries are called after their ids."""

    def setUp(self):
        super().setUp()
        self.configure(PER_PAGE=2)
        self.add_entries('1', '2', '3', '4', '5')

    def test_a_new_entry_does_not_shift_what_somebody_is_reading(self):
        before = self.titles('/?before=4')
        self.add_entry('6')
        self.assertEqual(self.titles('/?before=4'), before)

    def test_a_page_may_start_from_an_entry_that_is_gone(self):
        self.post('/delete/4')
        self.assertEqual(self.titles('/?before=4'), ['3', '2'])

    def test_a_page_beyond_the_last_says_so(self):
        response = self.client.get('/?before=1')
        self.assertStatus(response, 200)
        self.assertShows(response, 'There is nothing older')


@cases.on_both_engines
class SearchTest(cases.FlaskrTestCase):
    """What is shown of what a search finds."""

    def setUp(self):
        super().setUp()
        self.login()

    def search(self, query):
        return self.client.get('/search', query_string={'q': query})

    def test_a_match_is_marked_whatever_way_its_accents_are_stored(self):
        self.add_entry('cafe\u0301s', '')
        self.assertShows(self.search('café'), '<mark>cafés</mark>')

    def test_a_long_text_is_cut_around_the_first_match(self):
        self.add_entry('Title', 'before ' * 200 + 'needle' + ' after' * 200)
        response = self.search('needle')
        self.assertShows(response, 'before <mark>needle</mark> after')
        self.assertShows(response, '…')
        self.assertLess(len(response.data), 5000)

    def test_what_was_searched_for_is_escaped(self):
        self.assertShows(self.search('<b>"x"'), 'value="&lt;b&gt;&#34;x&#34;"')


@cases.on_both_engines
class FeedTest(cases.FlaskrTestCase):
    ATOM = '{http://www.w3.org/2005/Atom}'

    def read_feed(self, **options):
        response = self.client.get('/feed.xml', **options)
        self.assertEqual(response.mimetype, 'application/atom+xml')
        return ElementTree.fromstring(response.data)

    def texts(self, feed, name):
        return [element.text for element in feed.iter(self.ATOM + name)]

    def test_the_newest_fifty_entries_are_in_the_feed(self):
        self.add_entries(*[f'Entry {number}' for number in range(52)])
        titles = self.texts(self.read_feed(), 'title')
        self.assertEqual(titles[1:], [f'Entry {number}' for number in range(51, 1, -1)])

    def test_an_entry_is_in_it_with_its_full_content(self):
        self.login()
        self.add_entry('<Title>', 'Some **bold** words & a <b>tag</b>')
        feed = self.read_feed()
        self.assertEqual(self.texts(feed, 'title')[1], '<Title>')
        self.assertEqual(
            self.texts(feed, 'content'),
            ['<p>Some <strong>bold</strong> words &amp; a <b>tag</b></p>\n'],
        )

    def test_a_character_that_xml_forbids_does_not_break_it_however_it_is_written(self):
        self.login()
        self.add_entry('Title', 'a&#12;b &#xFFFE; \x0c')
        self.assertEqual(self.texts(self.read_feed(), 'content'), ['<p>ab  </p>\n'])
        ElementTree.fromstring(self.client.get('/tag/%01/feed.xml').data)

    def test_the_id_of_an_entry_stays_whatever_happens(self):
        self.add_entries('Title')
        ids = self.texts(self.read_feed(), 'id')
        self.edit_entry(1, 'Another title')
        self.post('/delete/1')
        self.post('/restore/1')
        feed = self.read_feed(base_url='https://example.org')
        self.assertEqual(self.texts(feed, 'id')[1], ids[1])

    def test_entries_have_different_ids(self):
        self.add_entries('One', 'Two')
        ids = self.texts(self.read_feed(), 'id')
        self.assertEqual(len(set(ids)), 3)

    def test_the_times_tell_of_edits(self):
        self.add_entries('Title')
        self.query("update entries set created = '2026-11-21T03:04:05Z'")
        self.assertEqual(self.texts(self.read_feed(), 'updated'), ['2026-11-21T03:04:05Z'] * 2)
        self.query("update entries set updated = '2026-11-22T03:04:05Z'")
        feed = self.read_feed()
        self.assertEqual(self.texts(feed, 'updated'), ['2026-11-22T03:04:05Z'] * 2)
        self.assertEqual(self.texts(feed, 'published'), ['2026-11-21T03:04:05Z'])

    def test_an_entry_of_the_tutorial_has_some_time_since_a_feed_needs_one(self):
        self.add_entries('Title')
        self.query('update entries set created = null')
        self.assertEqual(self.texts(self.read_feed(), 'updated'), ['1970-01-01T00:00:00Z'] * 2)

    def test_links_are_absolute(self):
        self.add_entries('Title')
        links = [link.get('href') for link in self.read_feed().iter(f'{self.ATOM}link')]
        self.assertEqual(
            links, ['http://localhost/', 'http://localhost/feed.xml', 'http://localhost/entry/1']
        )

    def test_links_in_a_text_start_from_its_entry(self):
        self.add_entries('Title')
        base = '{http://www.w3.org/XML/1998/namespace}base'
        content = next(self.read_feed().iter(f'{self.ATOM}content'))
        self.assertEqual(content.get(base), 'http://localhost/entry/1')

    def test_characters_that_xml_forbids_do_not_break_it(self):
        self.login()
        forbidden = '\x00\x0b\x1f\ufffe\uffff'
        self.add_entry(f'T{forbidden}itle', f't{forbidden}ext \U0001f600')
        feed = self.read_feed()
        self.assertEqual(self.texts(feed, 'title')[1], 'Title')
        self.assertIn('\U0001f600', self.texts(feed, 'content')[0])

    def test_an_empty_blog_has_a_feed(self):
        self.assertEqual(self.texts(self.read_feed(), 'title'), ['Flaskr'])

    def test_what_is_in_the_trash_is_not_in_the_feed(self):
        self.add_entries('Title')
        self.post('/delete/1')
        self.assertEqual(self.texts(self.read_feed(), 'title'), ['Flaskr'])


@cases.on_both_engines
class FormsTest(cases.FlaskrTestCase):
    def test_a_page_with_an_error_leads_on_to_older_entries_too(self):
        self.configure(PER_PAGE=1)
        self.add_entries('First', 'Second')
        self.assertShows(self.add_entry(' '), 'href="/?before=2"')

    def test_what_a_text_leaves_open_does_not_swallow_the_next_entry(self):
        self.add_entries('Next')
        for opening in ['<!-- note', '<textarea>', '<plaintext>', '<form action="/logout">']:
            self.assertDoesNotShow(self.add_entry('Open', f'{opening}text'), f'{opening}text')
        self.assertEqual(self.titles(), ['Open'] * 4 + ['Next'])

    def test_a_missing_field_is_refused(self):
        self.add_entries('Title')
        for path in ['/add', '/edit/1', '/preview', '/preview/1', '/drafts/add']:
            for form in [{}, {'title': 'New'}, {'text': 'New'}]:
                with self.subTest(path=path, form=form):
                    self.assertStatus(self.client.post(path, data=form), 400)
        self.assertEqual(self.titles(), ['Title'])

    def test_a_post_by_somebody_who_is_not_logged_in_leads_to_the_login(self):
        for path in ['/add', '/delete/1']:
            self.assertShows(self.post(path), 'href="/login" target="_blank"')

    def test_a_post_that_is_not_lost_comes_without_an_alarm(self):
        self.assertShows(self.add_entry('Title'), 'id="error-new" hidden>')


@cases.on_both_engines
class EditTest(cases.FlaskrTestCase):
    def test_of_a_draft_that_is_shared_again_nobody_says_that_it_is_not_stored(self):
        self.login()
        form = {'title': 'Draft', 'text': '', 'key': '0123456789abcdef'}
        self.client.post('/drafts/add', data=form)
        self.assertStatus(self.client.post('/drafts/share/1', data=form), 302)
        response = self.client.post('/drafts/share/1', data=form)
        self.assertStatus(response, 404)
        self.assertShows(response, 'It will not be there twice')
        self.assertDoesNotShow(response, 'not stored')

    def setUp(self):
        super().setUp()
        self.login()
        self.add_entry('Title', 'Text')
        self.query("update entries set created = '2026-11-21T03:04:05Z'")

    def test_an_edit_of_an_entry_that_is_gone_loses_nothing_that_was_typed(self):
        self.post('/delete/1')
        response = self.edit_entry(1, 'New title', 'New text')
        self.assertStatus(response, 404)
        self.assertShows(response, '>\nNew text</textarea>')
        self.assertShows(response, 'action="/add"')
        self.assertShows(response, 'There is no such entry')
        self.assertShows(response, '<label for="title-1">')  # beside the form for a new entry
        self.assertShows(response, 'data-unsaved="gone"')


@cases.on_both_engines
class TrashTest(cases.FlaskrTestCase):
    def setUp(self):
        super().setUp()
        self.add_entries('First', 'Second', 'Third')
        self.query("update entries set created = '2026-11-21T03:04:05Z'")

    def test_a_message_about_a_long_title_fits_into_a_cookie(self):
        self.add_entry('\U0001f600' * 3000)
        for path in ['/delete/4', '/restore/4', '/delete/4', '/purge/4']:
            response = self.client.post(path)
            self.assertStatus(response, 302)
            self.assertLess(len(response.headers['Set-Cookie']), 4000)
            self.assertShows(self.client.get('/trash'), '\U0001f600…”')

    def test_pressing_a_button_twice_does_no_harm(self):
        self.post('/delete/2')
        self.assertStatus(self.post('/delete/2'), 404)
        self.post('/restore/2')
        self.assertStatus(self.post('/restore/2'), 404)
        self.assertEqual(self.titles(), ['Third', 'Second', 'First'])

    def test_the_trash_lists_what_is_there(self):
        self.post('/delete/1')
        self.post('/delete/3')
        self.assertEqual(self.titles('/trash'), ['Third', 'First'])

    def test_an_empty_trash_says_so(self):
        self.assertShows(self.client.get('/trash'), 'The trash is empty')
