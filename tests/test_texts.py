"""What becomes of the text of an entry."""

import html
import re
import unittest

from parts import texts


class TextTest(unittest.TestCase):
    def assertBecomes(self, html, text):
        self.assertEqual(texts.render_text(text).strip(), html)

    def assertBalanced(self, html):
        """Assert that each tag is closed where it was opened, and nothing else."""
        void, opened = {'br', 'hr', 'img', 'input', 'source', 'track', 'wbr', 'col'}, []
        for slash, name in re.findall('<(/?)([a-z0-9]+)', html):
            if slash:
                self.assertEqual(opened.pop(), name)
            elif name not in void:
                opened.append(name)
        self.assertEqual(opened, [])

    def test_an_entry_is_called_by_its_title_or_else_by_its_first_words(self):
        for title, text, name in [
            (' Title ', 'Text', 'Title'),
            ('x' * 100, 'Text', 'x' * 100),
            (' ', 'Some *words*\nand <b>more</b>', 'Some words and more'),
            ('', 'word ' * 20, 'word ' * 11 + 'word…'),
            ('', '猫' * 100, '猫' * 60 + '…'),
            ('', 'See ![two cats > one](a.png)!', 'See two cats > one !'),
            ('', '![](a.png)', 'Untitled'),
            ('', '<!-- -->', 'Untitled'),
        ]:
            with self.subTest(name=name):
                self.assertEqual(texts.name_entry({'title': title, 'text': text}), name)

    def test_html_comes_out_as_it_was_written(self):
        html = '<strong>HTML</strong> allowed here'
        self.assertBecomes(f'<p>{html}</p>', html)

    def test_plain_lines_look_as_they_were_typed(self):
        self.assertBecomes('<p>One<br>\nTwo</p>', 'One\r\nTwo')

    def test_markdown_is_rendered(self):
        self.assertBecomes(
            '<p><em>a</em> <a href="https://example.org">b</a></p>', '*a* [b](https://example.org)'
        )

    def test_a_bare_address_is_a_link(self):
        for text, address in [
            ('https://example.org/a?b&c', 'https://example.org/a?b&amp;c'),
            ('www.example.org', 'http://www.example.org'),
            ('me@example.org', 'mailto:me@example.org'),
        ]:
            self.assertIn(f'<a href="{address}">', texts.render_text(f'See {text}.'))

    def test_what_is_struck_out_is_marked_as_deleted(self):
        self.assertBecomes('<p><del>old</del> new</p>', '~~old~~ new')

    def test_a_table_has_its_columns_aligned_and_can_be_scrolled_by_keyboard(self):
        html = texts.render_text('| a | b |\n|:-:|--:|\n| 1 | 2 |')
        self.assertIn('<table tabindex="0">', html)
        self.assertIn('<th class="center">a</th>', html)
        self.assertIn('<td class="right">2</td>', html)

    def test_wide_code_can_be_scrolled_by_keyboard(self):
        self.assertBecomes('<pre tabindex="0"><code>a  b\n</code></pre>', '```python\na  b\n```')

    def test_a_task_is_a_box_that_nobody_can_tick(self):
        html = texts.render_text('- [ ] open\n- [x] done')
        self.assertEqual(html.count('<input aria-label="Done" type="checkbox" '), 2)
        self.assertEqual(html.count('disabled=""'), 2)
        self.assertEqual(html.count('checked=""'), 1)

    def test_pictures_wait_until_they_are_needed(self):
        self.assertBecomes('<p><img src="/a.png" alt="b" loading="lazy"></p>', '![b](/a.png)')

    def test_a_picture_may_be_in_the_text_itself(self):
        self.assertIn(
            'src="data:image/png;base64,AA"', texts.render_text('![](data:image/png;base64,AA)')
        )

    def test_sound_and_film_can_be_played(self):
        for name in ['audio', 'video']:
            html = texts.render_text(
                f'<{name} src="/a"><source src="https://example.org/b"></{name}>'
            )
            self.assertIn(f'<{name} src="/a" controls="">', html)
            self.assertIn('<source src="https://example.org/b">', html)

    def test_what_a_text_leaves_open_is_closed(self):
        for text in [
            '<b>bold', '<!-- note', '<plaintext>', '<noframes>', '<template><template>',
            '<object>', '<div title="', '</div></article></main>', '<textarea>', '<title>',
            '<style>', '<script>', '<select><option>', '<svg><style>', '<math><mtext>',
            '<table><tr><td>', '<xmp>', '<a href="', '<iframe>', '<noscript>', '<li>', '</p>',
            '<form action="/logout">', '<details><summary>',
        ]:  # fmt: skip
            for markdown in [text, f'Before {text} after', f'> * {text}\n\nafter']:
                with self.subTest(markdown=markdown):
                    self.assertBalanced(texts.render_text(markdown))

    # Or what is done to the cleaned HTML could break out of an attribute.
    ESCAPED = '<p><a href="/" title="&lt;input &lt;td align=&quot;left&quot;">x</a></p>'

    def test_what_could_do_harm_is_dropped(self):
        for text, rest in [
            ('<meta http-equiv="refresh" content="0; url=https://evil.test">', ''),
            ('<base href="https://evil.test">', ''),
            ('<link rel="stylesheet" href="/x">', ''),
            ('<script>x</script><style>x</style>', ''),
            ('<a href="/" ping="/logout" target="x">x</a>', '<p><a href="/">x</a></p>'),
            ('<form action="/edit/1" method="post"><button>x</button></form>', 'x'),
            ('<iframe src="/x"></iframe>', ''),
            ('<div id="a" name="b" class="c" style="d">x</div>', '<div>x</div>'),
            ('<div onclick="a" data-login="b" tabindex="1">x</div>', '<div>x</div>'),
            ('<img name="body" alt="">', '<img alt="" loading="lazy">'),
            ('<img src="x" onerror="alert(1)">', '<img src="x" loading="lazy">'),
            ('<object data="/x"></object><embed src="/x">', '<p></p>'),
            ('<svg onload="x"><a href="/">x</a></svg>', '<p></p>'),
            ('[x](javascript:alert(1))', '<p><a>x</a></p>'),
            ('<a href="java&#10;script:x">x</a>', '<p><a>x</a></p>'),
            ('[x](data:text/html,x)', '<p><a>x</a></p>'),
            ('<a href="&#1;data:text/html,x">x</a>', '<p><a>x</a></p>'),
            ('<a href="da&#9;ta:text/html,x">x</a>', '<p><a>x</a></p>'),
            ('<a href="/" title="<input <td align=&quot;left&quot;">x</a>', self.ESCAPED),
            ('<input name="x" type="submit">', '<input aria-label="Done" disabled="">'),
        ]:  # fmt: skip
            with self.subTest(text=text):
                self.assertBecomes(rest, text)

    def test_a_megabyte_of_tags_within_tags_is_shown_as_it_was_typed(self):
        for text in [
            '> ' * 500_000,
            '<div>' * 200_000,
            '1. ' + '>' * 40_000 + ' a',
            '<b><i>' * 100_000,
            '</x><div>' * 110_000,
            '<b title=i>' * 900 + '<p>x' * 8000,
        ]:
            self.assertBecomes(f'<pre tabindex="0">{html.escape(text)}</pre>', text)

    def test_a_table_of_millions_of_cells_is_none(self):
        for columns, rows in [(4000, 400), (1000, 1000), (20_000, 25)]:
            head = '|' + 'a|' * columns + '\n|' + '-|' * columns + '\n'
            self.assertNotIn('<td', texts.render_text(head + '|x|\n' * rows))
        self.assertIn('<td', texts.render_text('|a|b|\n|-|-|\n' + '|x|y|\n' * 5000))

    def test_a_megabyte_of_bare_addresses_is_none(self):
        self.assertNotIn('<a', texts.render_text('a@b.example ' * 80_000))
        self.assertIn('<a', texts.render_text('a@b.example ' * 2000))

    def test_a_thousand_lines_and_paragraphs_are_not_within_each_other(self):
        self.assertIn('<br>', texts.render_text('line\n' * 2000))
        self.assertIn('<li>', texts.render_text('<ul>' + '<li>item' * 2000))
