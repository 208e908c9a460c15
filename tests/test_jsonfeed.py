"""Entries as a JSON Feed, and any JSON Feed as entries."""

import json
import os
import re
from unittest import mock

import app
from parts import jsonfeed
from tests import cases


@cases.on_both_engines
class WriteTest(cases.FeedTestCase):
    def test_it_is_a_json_feed(self):
        feed = self.read_export()
        self.assertEqual(feed['version'], 'https://jsonfeed.org/version/1.1')
        self.assertEqual(feed['title'], 'Flaskr')
        self.assertEqual(feed['items'], [])

    def test_it_has_everything(self):
        self.fill_the_blog()
        self.query("update entries set created = '2026-11-21T03:04:05Z' where id <> 2")
        self.query("update entries set updated = '2026-11-22T03:04:05Z' where id = 1")
        feed = self.read_export()
        first, second = feed['items']
        (third,) = feed['_flaskr']['trash']
        self.assertEqual(first['title'], 'First edited')
        self.assertEqual(first['content_html'], '<p>Some <em>text</em></p>\n')
        self.assertEqual(first['date_published'], '2026-11-21T03:04:05Z')
        self.assertEqual(first['date_modified'], '2026-11-22T03:04:05Z')
        self.assertEqual(first['_flaskr']['id'], 1)
        self.assertEqual(first['_flaskr']['text'], 'Some *text*')
        self.assertNotIn('date_published', second)
        self.assertRegex(third['_flaskr']['deleted'], 'Z$')

    def test_a_draft_is_in_it_but_not_among_what_others_publish(self):
        self.login()
        self.client.post('/drafts/add', data={'title': 'Begun', 'text': ''})
        self.configure(URL='https://example.org')
        feed = self.read_export()
        self.assertEqual(feed['items'], [])
        (draft,) = feed['_flaskr']['drafts']
        self.assertEqual(draft['title'], 'Begun')
        self.assertNotIn('url', draft)

    def test_drafts_are_read_first_so_that_one_which_is_shared_meanwhile_is_not_missed(self):
        read = []

        def read_rows(table):
            read.append(table)
            yield from ()

        tables = read_rows('entries'), read_rows('drafts')
        list(jsonfeed.write_feed(app.app.config, *tables, None, None))
        self.assertEqual(read, ['drafts', 'entries'])

    def test_ids_are_strings_and_differ_as_the_format_wants(self):
        self.fill_the_blog()
        feed = self.read_export()
        ids = [item['id'] for item in feed['items'] + feed['_flaskr']['trash']]
        self.assertEqual(len({entry_id for entry_id in ids if isinstance(entry_id, str)}), 3)

    def test_an_item_has_its_address_where_that_of_the_blog_is_known(self):
        self.fill_the_blog()
        self.assertNotIn('url', self.read_export()['items'][0])
        for address in ['https://example.org', 'https://example.org/']:
            self.configure(URL=address)
            feed = self.read_export()
            self.assertEqual(feed['items'][1]['url'], 'https://example.org/entry/2')
            self.assertNotIn('url', feed['_flaskr']['trash'][0])

    def test_what_another_program_publishes_of_an_export_is_not_the_trash(self):
        self.fill_the_blog()
        titles = [item['title'] for item in self.read_export()['items']]
        self.assertEqual(titles, ['First edited', 'Sécond <b>'])


@cases.on_both_engines
class ReadTest(cases.FeedTestCase):
    def test_any_json_feed_is_taken(self):
        self.import_feed(
            {
                'id': 'https://example.org/2',
                'title': 'Second',
                'content_html': '<p>Two</p>',
                'date_published': '2020-02-07T14:04:00-05:00',
                'date_modified': '2020-02-08T14:04:00.123Z',
            },
            {'id': 'https://example.org/1', 'content_text': 'One', 'url': 'https://example.org/1'},
            {'id': 3, 'summary': 'Three'},
        )
        rows = {row[1] or row[2]: row for row in self.rows()}
        self.assertEqual(rows['Second'][2], '<p>Two</p>')
        self.assertEqual(rows['Second'][3], '2020-02-07T19:04:00Z')
        self.assertEqual(rows['Second'][4], '2020-02-08T14:04:00Z')
        self.assertEqual(rows['One'][2], 'One')
        self.assertEqual(rows['Three'][0], 3)

    def test_the_text_of_an_item_is_the_first_that_it_has(self):
        html, text, summary = {'content_html': '<p>'}, {'content_text': '<b>'}, {'summary': '&'}
        two = {'content_html': '<img><img>'}
        for item, expected, source in [
            ({**html, **text, **summary}, '<p>', '<b>'),
            ({**text, **summary}, '&lt;b&gt;', '<b>'),
            (summary, '&amp;', '&amp;'),
            ({'content_html': '', **summary}, '', ''),
            ({'content_html': '<img>', **text}, '<img>', '<img>'),
            ({**two, 'content_text': '<img> ![]()'}, '<img><img>', '<img> ![]()'),
            ({'content_text': '', **summary}, '', ''),
            ({}, '', ''),
        ]:
            with self.subTest(item=item):
                self.assertEqual(jsonfeed.read_text(item, has_source=False), expected)
                self.assertEqual(jsonfeed.read_text(item, has_source=True), source)

    def test_the_tags_of_an_item_become_those_of_the_entry(self):
        self.import_feed(
            {'id': 'a', 'content_text': 'On #cats', 'tags': ['Cats', 'New York', 'c++']}
        )
        self.assertEqual(self.rows()[0][2], 'On #cats\n\n#New_York')

    def test_tags_go_out_and_come_back_as_they_were(self):
        self.login()
        self.add_entry('Title', 'On #Cats & <b>#dogs</b>')
        (item,) = self.client.get('/feed.json').json['items']
        self.assertEqual(item['tags'], ['Cats', 'dogs'])
        self.import_feed({**item, 'id': 'other', '_flaskr': {}})
        self.assertEqual(self.rows()[1][2], '<p>On #Cats &amp; <b>#dogs</b></p>\n')
        self.assertEqual(self.titles('/tag/cats'), ['Title', 'Title'])

    def test_the_tags_of_what_is_imported_are_found(self):
        self.login()
        self.add_entry('First', '#cats')
        self.add_entry('Second', '#dogs')
        self.run_command('export', self.file)
        self.query('delete from entries')
        self.run_command('import', self.file)
        items = [{'id': name, 'title': name, 'tags': ['cats']} for name in ['x', 'y']]
        with mock.patch('time.sleep'):
            self.import_feed(*items)
        self.assertEqual(self.titles('/tag/cats'), ['y', 'x', 'First'])
        self.assertEqual(self.titles('/tag/dogs'), ['Second'])

    def test_any_json_feed_twice_changes_nothing(self):
        items = [{'id': 'https://example.org/1', 'content_text': 'One'}, {'id': '5', 'title': 'x'}]
        self.import_feed(*items)
        before = self.rows()
        self.import_feed(*items)
        self.assertEqual(self.rows(), before)

    def test_plain_ids_of_two_feeds_do_not_stand_for_the_same_item(self):
        for name in ['one', 'two']:
            for _ in range(2):
                self.import_feed({'id': '1', 'title': name}, feed_url=f'https://{name}.example/')
        self.assertEqual([row[1] for row in self.rows()], ['one', 'two'])

    def test_plain_ids_of_a_feed_with_a_long_address_differ(self):
        items = [{'id': str(number), 'title': f'Entry {number}'} for number in range(1, 6)]
        for _ in range(2):
            self.import_feed(*items, feed_url=f'https://example.org/{"x" * 600}')
            self.assertEqual([row[1] for row in self.rows()], [item['title'] for item in items])

    def test_an_export_of_an_earlier_flaskr_brings_the_trash_among_its_items(self):
        deleted = '2026-11-21T03:04:05Z'
        self.import_feed({'id': 'a', 'title': 'Old', '_flaskr': {'deleted': deleted}})
        self.assertEqual(self.rows()[0][5], deleted)

    def test_a_feed_with_something_wrong_beside_its_items(self):
        for more, words in [
            ({'feed_url': '\ud800'}, 'feed_url has half a character in it'),
            ({'feed_url': 7}, 'feed_url has to be a text'),
            ({'home_page_url': []}, 'home_page_url has to be a text'),
            ({'feed_url': 'https://example.org/' + 'x' * 2000}, 'item 1: id'),
            ({'_flaskr': 7}, '_flaskr has to be an object'),
            ({'_flaskr': {'trash': 7}}, 'its trashed items have to be a list'),
            ({'_flaskr': {'trash': [{'id': ''}]}}, 'trashed item 1: id'),
            ({'_flaskr': {'drafts': 7}}, 'its drafts have to be a list'),
            ({'_flaskr': {'drafts': [{'id': 'b'}, 7]}}, 'draft 2: it has to be an object'),
            ({'_flaskr': {'trash': [{'id': 'b'}]}}, 'trashed item 1: deleted is missing'),
        ]:
            with self.subTest(more=more):
                self.write_feed({'id': 'a'}, **more)
                self.assertRefused(words)

    def test_an_empty_time_counts_as_none(self):
        self.import_feed(
            {'id': 'a', 'title': 'x', 'date_published': '', 'date_modified': '2020-01-01t00:00:00z'}
        )
        self.assertEqual(self.rows()[0][3:5], (None, '2020-01-01T00:00:00Z'))

    def test_an_item_without_a_title_stays_without_one(self):
        self.import_feed({'id': 'a', 'content_html': '<p>Good morning</p>'})
        self.assertEqual(self.rows()[0][1:3], ('', '<p>Good morning</p>'))

    def test_an_item_with_neither_a_title_nor_a_text_gets_a_title(self):
        self.import_feed({'id': 'a', 'title': ' ', 'content_html': '\n'})
        self.assertEqual(self.rows()[0][1], 'Untitled')

    def test_what_everybody_is_given_changes_nothing_where_it_came_from(self):
        self.fill_the_blog()
        self.add_entry('With the key of a form', key='0123456789abcdef')
        before = self.rows()
        self.write(self.client.get('/feed.json').text)
        self.assertIn('Imported 0 entries; 3', self.run_command('import', self.file).output)
        self.assertEqual(self.rows(), before)

    def test_what_everybody_is_given_has_whole_addresses(self):
        self.login()
        self.add_entry(
            'Links', '[a](/b?c&d) [e](#f) ![g](h.png) `<a href="/i">` <mailto:j@k.example>'
        )
        html = self.client.get('/feed.json').json['items'][0]['content_html']
        self.assertEqual(
            re.findall('(?:href|src)="[^"]*"', html),
            [
                'href="http://localhost/b?c&amp;d"',
                'href="http://localhost/entry/1#f"',
                'src="http://localhost/entry/h.png"',
                'href="/i"',
                'href="mailto:j@k.example"',
            ],
        )

    def test_what_everybody_is_given_has_no_more_than_everybody_sees(self):
        self.fill_the_blog()
        feed = self.client.get('/feed.json').json
        self.assertEqual(
            {*feed},
            {
                'version',
                'title',
                'description',
                'language',
                'authors',
                'home_page_url',
                'feed_url',
                'items',
            },
        )
        for item in feed['items']:
            self.assertEqual({*item['_flaskr']}, {'id'})

    def test_a_character_that_not_every_database_can_hold_is_dropped(self):
        self.import_feed({'id': 'a\0', 'title': 'a\0b', 'content_text': 'c\0d'})
        self.assertEqual(self.rows()[0][1:3], ('ab', 'cd'))

    def test_a_byte_order_mark_is_no_error(self):
        self.write('\ufeff{"version": "https://jsonfeed.org/version/1.1", "items": []}')
        self.assertEqual(self.run_command('import', self.file).exit_code, 0)

    def test_what_a_later_flaskr_has_kept_beside_the_format_is_no_error(self):
        later = {'pinned': True, 'rank': 0.5, 'tags': ['x'], 'mood': 'glad', 'stars': 3}
        self.import_feed({'id': 'a', 'title': 'From tomorrow', '_flaskr': later})
        self.assertEqual(self.titles(), ['From tomorrow'])

    def test_a_file_that_is_no_json(self):
        self.write('<html>')
        self.assertRefused('line 1')

    def test_a_file_that_was_cut_off(self):
        self.fill_the_blog()
        self.run_command('export', self.file)
        with open(self.file, 'r+') as file:
            file.truncate(os.path.getsize(self.file) - 30)
        self.assertRefused('line ')

    def test_a_file_that_is_no_text(self):
        with open(self.file, 'wb') as file:
            file.write(b'\xff\xfe\x00')
        self.assertRefused('is not UTF-8')

    def test_a_file_that_is_nested_too_deeply(self):
        self.write('[' * 100_000)
        self.assertRefused(self.file)

    def test_a_file_that_is_no_feed(self):
        for text in ['[]', '{}', '{"version": "1"}', '"x"', 'null']:
            self.write(text)
            self.assertRefused('is not a JSON Feed')

    def test_a_feed_without_items(self):
        for more in [{'items': 'x'}, {'items': None}]:
            self.write_feed()
            self.write(json.dumps({'version': 'https://jsonfeed.org/version/1.1', **more}))
            self.assertRefused('items')

    def test_an_item_with_something_wrong_in_it(self):
        good = {'id': 'good', 'content_text': 'x'}
        text = 'has to be a text'
        for wrong, words in [
            ('x', 'has to be an object'),
            ({}, 'id'),
            ({'id': None}, 'id'),
            ({'id': 'é' * 1001}, 'id is missing or longer'),
            ({'id': 'x', '_flaskr': {'id': 10**17}}, 'id is too large'),
            ({'id': 'x', 'title': 7}, f'title {text}'),
            ({'id': 'x', 'content_html': ['x']}, f'content_html {text}'),
            ({'id': 'x', 'content_text': {}}, f'content_text {text}'),
            ({'id': 'x', 'date_published': 7}, f'date_published {text}'),
            ({'id': 'x', 'date_published': 'yesterday'}, 'date_published is no time'),
            ({'id': 'x', 'date_published': '2026-11-21'}, 'date_published is no time'),
            ({'id': 'x', 'date_modified': '0001-01-01T00:00:00+14:00'}, 'date_modified is no time'),
            ({'id': 'x', 'title': '\ud800'}, 'half a character'),
            ({'id': 'x', 'tags': 'y'}, 'tags has to be a list'),
            ({'id': 'x', 'tags': ['y', 7]}, f'a tag {text}'),
            ({'id': 'x', '_flaskr': 7}, '_flaskr has to be an object'),
            ({'id': 'x', '_flaskr': {'text': 7}}, f'text {text}'),
            ({'id': 'x', '_flaskr': {'id': 'x'}}, 'id has to be a number'),
            ({'id': 'x', '_flaskr': {'id': 2**70}}, 'id is too large'),
            ({'id': 'x', '_flaskr': {'id': -1}}, 'id has to be a number'),
            ({'id': 'x', '_flaskr': {'version': 10**18}}, 'version is too large'),
            ({'id': 'x', '_flaskr': {'version': 2**63 - 1}}, 'version is too large'),
            ({'id': 'x', '_flaskr': {'version': True}}, 'version has to be a number'),
            ({'id': 'x', '_flaskr': {'deleted': 'x'}}, 'deleted is no time'),
        ]:
            with self.subTest(wrong=wrong):
                self.write_feed(good, wrong)
                self.assertRefused('item 2')
                self.assertRefused(words)
