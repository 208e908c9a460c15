"""Words with a # before them, in the HTML of a text."""

import random
import re
import time
import unicodedata
import unittest

import nh3
from markupsafe import Markup

from parts import tags
from parts.texts import render_text


class FoldTest(unittest.TestCase):
    def assertSame(self, *words):
        self.assertEqual(len(set(map(tags.fold_tag, words))), 1, words)

    def assertOthers(self, *words):
        self.assertEqual(len(set(map(tags.fold_tag, words))), len(words), words)

    def test_case_and_accents_make_no_difference(self):
        self.assertEqual(tags.fold_tag('Crème'), 'creme')
        self.assertSame('Crème', 'creme', 'CREME', unicodedata.normalize('NFD', 'CRÈME'))
        self.assertSame('Straße', 'STRASSE')
        self.assertSame('Λόγος', 'ΛΟΓΟΣ', 'λογος')
        self.assertSame('Ёлка', 'елка')
        self.assertSame('İstanbul', 'istanbul')
        self.assertSame('Tiếng_Việt', 'tieng_viet')

    def test_wide_narrow_and_joined_letters_are_as_the_usual_ones(self):
        self.assertSame('Ｓｙｎｔｈ', 'synth')
        self.assertSame('ｶﾞﾗｽ', 'ガラス')
        self.assertSame('ﬁlm', 'film')
        self.assertSame('葛\U000e0100城', '葛城')

    def test_marks_that_make_another_word_of_it_make_a_difference(self):
        self.assertOthers('ガラス', 'カラス')  # glass, crow
        self.assertOthers('कम', 'कमी', 'काम')  # few, lack, work
        self.assertOthers('मन', 'मन्')
        self.assertOthers('ใกล', 'ใกล้', 'ไกล')  # -, near, far
        self.assertOthers('한글', '하글')
        self.assertOthers('עֵד', 'עַד')  # witness, until
        self.assertOthers('آب', 'اب')

    def test_what_nobody_sees_makes_no_difference(self):
        self.assertSame('می\u200cخواهم', 'میخواهم')
        self.assertSame('ක්\u200dෂ', 'ක්ෂ')

    def test_a_name_reads_as_it_is_usually_written(self):
        for word in ['हिन्दी', '한글', 'ที่นี่', 'ガラス', 'مَرحبا']:
            self.assertEqual(tags.fold_tag(unicodedata.normalize('NFD', word)), word)

    def test_no_word_becomes_nothing(self):
        for word in ['\u0301', '\u200d', '\u0301\ufe0f', '\u0344']:
            name = tags.fold_tag(word)
            self.assertNotEqual(name, '')
            self.assertEqual(tags.fold_tag(name), name)

    def test_a_name_is_folded_already(self):
        for code in [*range(0xD800), *range(0xE000, 0x20000)]:
            name = tags.fold_tag(chr(code))
            self.assertEqual(tags.fold_tag(name), name)
            self.assertEqual(unicodedata.normalize('NFC', name), name)


class FindTest(unittest.TestCase):
    def assertFinds(self, text, *words):
        with self.subTest(text=text):
            self.assertEqual([*tags.find_tags(render_text(text)).values()], [*words])

    def test_a_tag_has_a_name_and_the_word_that_was_typed_first(self):
        found = tags.find_tags(render_text('#Zoo and #Crème, #creme and #CREME'))
        self.assertEqual([*found.items()], [('zoo', 'Zoo'), ('creme', 'Crème')])

    def test_a_tag_has_a_letter(self):
        self.assertFinds('#2026goals, #1 #2026 #_ #__1 #½ #', '2026goals')
        self.assertFinds('#New_York #a1 #x_', 'New_York', 'a1', 'x_')
        self.assertFinds('#🎉 #1️⃣ #️⃣ #❤️x #love❤️', 'love')

    def test_a_tag_may_be_of_any_script(self):
        for word in [
            'हिन्दी', 'ที่นี่', 'العربية', 'مَرحبا', 'שָׁלוֹם', '한글', '東京', 'Ελλάδα', 'Ёлка',
            'Cre\u0300me', 'می\u200cخواهم', 'ක්\u200dෂ', '𞤆𞤵𞤤𞤢𞥄𞤪', '葛\U000e0100城',
        ]:  # fmt: skip
            self.assertFinds(f'a #{word}, b', word)

    def test_a_mark_or_a_joiner_belongs_to_a_letter(self):
        self.assertFinds('#\u0301a #\u200da')
        self.assertFinds('#a\u200d #b\u200c\u200cc', 'a', 'b')

    def test_a_tag_ends_before_punctuation(self):
        self.assertFinds('#a, #b. #c\'s #d’s (#e) "#f" #g-h', *'abcdefg')
        self.assertFinds('#h/i #j&k #l<m #n&nbsp;o #p\\*q', *'hjlnp')
        self.assertFinds('#東京。 #हिन्दी। #ไทย๏ #عربي؟', '東京', 'हिन्दी', 'ไทย', 'عربي')
        self.assertFinds('#a#b', 'a')

    def test_a_tag_stands_at_the_start_or_behind_a_space_or_what_opens(self):
        for before in [
            '', ' ', '\u00a0', '&nbsp;', '&emsp;', '\u3000', '\u200b', '\u200f', '(', '[', '{', '-',
            '"', "'", '«', '»', '¿', '“', '„', '‘', '’', '—', '–', '‹', '…', '。', '、', '「', '（',
        ]:  # fmt: skip
            self.assertFinds(f'{before}#x', 'x')
            self.assertFinds(f'a {before}#x b', 'x')

    def test_elsewhere_it_is_none(self):
        for before in 'aé1_#&/\\:;,.!?=+*|~@%^$>)]}的न':
            self.assertFinds(f'a{before}#x')
        for text in ['C#', 'a#b', '##x', 'x.org/#part', 'https://x.org/#part', 'a&lt;#x', 'का#x']:
            self.assertFinds(text)

    def test_a_character_reference_is_none(self):
        for text in [
            '&#39; &#x27; &#xe9;', '&amp;#39; &amp;#x27;', '\\&#x27;', '&amp;nbsp;#x', '`&#x27;`',
        ]:  # fmt: skip
            self.assertFinds(text)
        self.assertFinds('&#35;x &num;y', 'x', 'y')  # which readers see as one

    def test_code_links_and_headings_have_none(self):
        for text in [
            '`#x`', '```\n#x\n```', 'a\n\n    #x', '<kbd>#x</kbd>', '<samp>#x</samp>', '<pre>#x',
            '[#x](/y)', '<a>#x</a>', 'https://x.org/ #', '# #x', '###### #x', '#x\n===', '<h1>#x',
            '<code>a <code>b</code> #x</code>', '<code>a<p>#x', '[*a* #x `b` #y](/z)',
            '<h2>a <b>b</b> #x</h2>',
        ]:  # fmt: skip
            self.assertFinds(text)

    def test_after_them_there_are_some_again(self):
        self.assertFinds('`a` #b [c](/d) <kbd>e</kbd> #f\n\n# g\n#h', 'b', 'f', 'h')
        self.assertFinds('<abbr>#a</abbr> <samp></samp><s>#b</s> <header>#c</header>', *'abc')

    def test_attributes_have_none(self):
        for text in [
            '<b title="#x">a</b>', '<b title="a > #x">a</b>', "<b title='\" #x'>a</b>",
            '![ #x](/y " #z")', '<img alt="a<b> #x" src="/#y">', '<a title=" #x">y</a>',
        ]:  # fmt: skip
            self.assertFinds(text)

    def test_markup_is_no_obstacle(self):
        for text in [
            'a<br>#x', 'a\n#x', '***#x***', '- #x', '> #x', '~~#x~~', '(**#x**)', 'a *#x*',
            '<details><summary>#x', '- [ ] #x', 'a <b>b </b>#x', '&nbsp;*#x*', '<q>#x</q>',
            'a<hr>#x', '![](/y)#x', '<p><b>#x</b></p>', 'a<p><b>#x',
        ]:  # fmt: skip
            self.assertFinds(text, 'x')
        self.assertFinds('| #a | *#b* |\n|-|-|\n| #c | - #d |', *'abcd')

    def test_what_looks_like_one_word_has_none(self):
        for text in [
            '*a*#x', '`a`#x', '[a](/b)#x', 'a<b>#x</b>', 'a<wbr>#x',
            '<i>a<b></b></i>#x', ';<u></u>#x',
        ]:  # fmt: skip
            self.assertFinds(text)
        self.assertFinds('*#a*#b', 'a')

    def test_a_tag_has_100_letters_at_most(self):
        self.assertFinds(f'#{"a" * 100} #{"b" * 101} #{"c" * 10**6}', 'a' * 100)


class LinkTest(unittest.TestCase):
    ATTRIBUTES = {'*': {'class', 'href', 'rel', 'tabindex', 'title'}}
    PARSER = nh3.Cleaner(attributes=ATTRIBUTES, link_rel=None)

    def assertLinked(self, html, linked):
        self.assertEqual(tags.link_tags(html, '/tags/{}'.format), linked)

    def test_a_tag_becomes_a_link_to_its_name(self):
        self.assertLinked(
            '<p>A <em>#Crème</em>, #creme &amp; more</p>\n',
            '<p>A <em><a rel="tag" href="/tags/creme">#<span class="p-category">Crème</span></a>'
            '</em>, <a rel="tag" href="/tags/creme">#<span class="p-category">creme</span></a>'
            ' &amp; more</p>\n',
        )

    def test_a_backslash_before_it_makes_it_none(self):
        self.assertEqual(tags.find_tags(render_text(r'\#cats and \(#dogs)')), {'dogs': 'dogs'})

    def test_all_else_stays_as_it_is(self):
        for text in ['', 'a &#39; < & "\' #1', '`#x` [#y](/#z "#a") C#', '# #x', '![#x](/y)']:
            html = render_text(text)
            self.assertLinked(html, html)

    def test_templates_take_it_for_html(self):
        for text in ['a', '#a']:
            self.assertIsInstance(tags.link_tags(render_text(text), str), Markup)

    def test_an_address_cannot_leave_its_attribute(self):
        self.assertIn(
            ' href="/?a=1&amp;b=&#34;&gt;&lt;script&gt;&#39;x">#<span',
            tags.link_tags('<p>#x</p>', '/?a=1&b="><script>\'{}'.format),
        )

    def test_whatever_the_text_links_go_around_tags_and_nowhere_else(self):
        pieces = [
            '#a', '#Été', '#b_1', ' ', ' #', '\n', '\n\n', '**', '*', '`', '```\n', '<b>', '</b>',
            '<a href="/#c">', '</a>', '[', '](/#d)', '<i title="#e">', '"', "'", '&', '&#39;', '<',
            '>', '<!--', '-->', '<code>', '</code>', '<h2>', '</h2>', '<p>', '- ', '> ', '|', '#1',
            'का', '\u0301', '&nbsp;', '&lt;', '<pre>', '</pre>', '<table><td>', '<svg>', '~~', 'x',
        ]  # fmt: skip
        choice = random.Random(1).choice
        for _ in range(1500):
            html = render_text(''.join(choice(pieces) for _ in range(20)))
            linked = tags.link_tags(html, '/tags/{}'.format)
            start = '<a rel="tag" href="/tags/([^"]+)">#<span class="p-category">'
            link = re.compile(f'{start}([^<]+)</span></a>')
            with self.subTest(html=html):
                self.assertEqual(link.sub(r'#\2', linked), html)
                names = [name for name, _ in link.findall(linked)]
                self.assertEqual([*dict.fromkeys(names)], [*tags.find_tags(html)])
                self.assertLinked(linked, linked)
                if self.PARSER.clean(html) == html:  # a heading in another is never read again
                    self.assertEqual(self.PARSER.clean(linked), linked)  # nor a link in another

    def test_time_grows_with_the_length_only(self):
        for html in ['#' * 10**6, '#a' * 10**5, '<b>' * 10**5 + '#a', '<a "#' * 10**5, '<' * 10**6]:
            started = time.perf_counter()
            tags.link_tags('#a' + html, str)
            self.assertLess(time.perf_counter() - started, 2)


class AddTest(unittest.TestCase):
    def assertAdds(self, words, *others):
        """Assert which words are added at the end for the tags of an item."""
        self.assertEqual(tags.add_tags('text', others), f'text\n\n{words}' if words else 'text')

    def test_tags_are_added_at_the_end_after_an_empty_line(self):
        self.assertEqual(tags.add_tags('a\n', ['b', 'New York']), 'a\n\n#b #New_York')
        self.assertEqual(tags.add_tags('', ['b']), '#b')
        self.assertEqual(tags.add_tags('a \n', []), 'a \n')

    def test_those_that_the_text_has_are_not(self):
        self.assertEqual(tags.add_tags('*#creme*', ['Crème', 'new-york']), '*#creme*\n\n#new_york')
        text = '`#a` #b'
        self.assertEqual(tags.add_tags(text, ['B']), text)
        self.assertEqual(tags.add_tags(text, ['a']), f'{text}\n\n#a')
        self.assertAdds('#Été', 'Été', 'ete', 'ÉTÉ')

    def test_a_tag_of_several_words_is_one_word(self):
        self.assertAdds('#New_York', ' New \t York\n')
        self.assertAdds('#rock_n_roll', '#rock-n-roll')
        self.assertAdds('#हिन्दी_भाषा', 'हिन्दी भाषा')
        self.assertAdds('#x #y #z', '#x', '# y', '##z')
        self.assertAdds('#init #a #b', '__init__', '_a', 'b_')

    def test_what_cannot_be_a_tag_is_left_out(self):
        self.assertAdds('#x', '', ' ', '#', '2026', 'c++', 'C#', 'C--', 'a&b', 'a, b', 'x')
        self.assertAdds(
            '', 'a' * 101, '<b>', '*a*', '`a`', '🎉', 'a\0', '\ud800', '\u0301a', 'a/b', 'a.b', '-'
        )

    def test_they_are_found_whatever_the_text_ends_with(self):
        for end in [
            '', '\n', '\r\n', '  ', '\\', '#', '##', '# a', 'a\n===', 'a\n---', '- a', '- a\n  - b',
            '1. a', '- [ ] a', '> a', '> - a', '    a', '\ta', '`a', '``` a', '```\na', '~~~~\na',
            '- ```\n  a', '> ```\n> a', '[x]: /y', '[x]: /y "z', '[x]:', '[x]', '[x](',
            '![x](/y "z', '<!-- a', '<!--', '<?a', '<!A', '<![CDATA[', '<b', '<b>', '<b title="',
            "<a href='/", '<a href="/">b', '<a>', '<code>', '<kbd>', '<pre>', '<pre>a</pre>',
            '<h1>', '<h2>a</h2>', '<script>', '<style>', '<textarea>', '<title>', '<xmp>',
            '<plaintext>', '<noscript>', '<template>', '<iframe>', '<object>', '<select><option>',
            '<svg>', '<svg><style>', '<math><mtext>', '<table>', '<table><tr>', '<table><tr><td>',
            '<table><caption>', '<ul>', '<li>', '<details><summary>', '<div>', '</div>', '<p>a',
            '<ruby>a<rt>', '<frameset>', '<video>', '| a |\n|-|', '| a |\n|-|\n| b', '*a', '**',
            '_', '~~', '&', '&am', 'a\u00a0', 'https://x.org', 'www.x.org/', 'a@b.org', '***',
            '---', '$$', '\u200d', '#a', '#a_', '"',
        ]:  # fmt: skip
            for text in [end, f'Before\n\n{end}', f'Before {end}', f'> * {end}']:
                with self.subTest(text=text):
                    added = tags.add_tags(text, ['New York', 'b', 'É'])
                    found = tags.find_tags(render_text(added))
                    self.assertLessEqual(
                        {'new_york': 'New_York', 'b': 'b', 'e': 'É'}.items(), found.items()
                    )
                    self.assertIn(text.rstrip(), added)
                    self.assertEqual(tags.add_tags(added, ['new-york', 'e', 'b']), added)

    def test_before_the_text_if_its_end_hides_them(self):
        for text in ['```\na', '<!-- a', '<pre>', '<h1>a', '<a href="/">a', '<p title="']:
            self.assertEqual(tags.add_tags(text, ['b', 'c']), f'#b #c\n\n{text}')

    def test_a_text_that_is_shown_as_it_was_typed_stays(self):
        text = '<div>' * 20_000
        self.assertEqual(tags.add_tags(text, ['a']), text)
