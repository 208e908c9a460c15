"""Pictures in the database: taken in, shown for a year, listed, and deleted."""

import hashlib
import re
import time

from flask import abort, flash, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.routing import BaseConverter

from parts.pictures import convert_picture
from parts.texts import NAMED_AFTER
from parts.thumbnails import WIDTH, shrink_picture

NAME_IN_TEXT = re.compile('/picture/([0-9a-f]{32})')
ADDRESS = re.compile(r'(<img [^<>]*?src="|href=")/picture/([0-9a-f]{32})\.webp"([^<>]*>)')
SIZES = 'sizes="(min-width: 42rem) 42rem, 100vw"'  # as wide as a page has room for
ALT = 'What the picture shows'  # to be typed over: the words for those who can't see it


def name_picture(content):
    return hashlib.sha256(content).hexdigest()[:32]


def store_picture(db, content, width, height, created=None):
    """Store a picture, unless it is here already; return its name, and whether it is new.

    created: when it was made, as entries keep times, if not now
    """
    name = name_picture(content)
    if db.execute('select id from pictures where name = ?', [name]).fetchone():
        return name, False
    small = shrink_picture(content, width, height)
    created = created or time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
    statement = """
        insert into pictures (name, width, height, created, content, small)
        values (?, ?, ?, ?, ?, ?) on conflict (name) do nothing
    """
    row = [name, width, height, created, content, small]
    return name, db.execute(statement, row).rowcount == 1


class PictureName(BaseConverter):
    regex = '[0-9a-f]{32}(?:-small)?'


class Gallery:
    """The pictures of an application, which knows its database as get_db()."""

    def __init__(self, app, get_db, author_only, find_page):
        """Add the pages of pictures to an application.

        author_only: what keeps everybody else from a view
        find_page: returns what pictures.html needs to show a page of the view listed_pictures
        """
        self.app, self.get_db, self.find_page = app, get_db, find_page
        self.sizes = {}  # by name; a name stands for one content, so that a size never changes
        app.url_map.converters['picture'] = PictureName
        app.add_url_rule('/picture/<picture:name>.webp', 'show_picture', self.show_picture)
        app.add_url_rule('/pictures', 'pictures', author_only(self.list_pictures))
        remove = author_only(self.delete_picture)
        rule, methods = '/pictures/delete/<picture:name>', ['GET', 'POST']
        app.add_url_rule(rule, 'delete_picture', remove, methods=methods)

    def add(self, files):
        """Store the pictures of a form; return their Markdown, and what was wrong with others.

        Each is stored by itself; what is stored when a later one fails is found on their page.
        """
        addresses, mistakes = [], []
        for file in files:
            if not file.filename:
                continue  # a form without a chosen file sends an empty one
            try:
                with file.stream as stream:
                    name, _ = store_picture(self.get_db(), *convert_picture(stream))
                addresses.append(f'![{ALT}](/picture/{name}.webp)')
            except ValueError as error:
                mistakes.append(f'{file.filename}: {error}')
        return '\n\n'.join(addresses), '. '.join(mistakes)

    def find_size(self, name):
        """Return the width and height of a picture in pixels, and if it has a copy, or None."""
        if name not in self.sizes:
            columns = 'width, height, small is not null as has_copy'
            query = f'select {columns} from pictures where name = ?'
            row = self.get_db().execute(query, [name]).fetchone()
            if not row:
                return None
            self.sizes[name] = row['width'], row['height'], bool(row['has_copy'])
        return self.sizes[name]

    def show(self, html, is_external=False, folder=None):
        """Return HTML in which each picture has its address, and its size for the page's layout.

        folder: where the pictures are as files, as uploads/ in an archive, if they are
        """
        if '/picture/' not in html:
            return html

        def show_address(match):
            start, name, rest = match.groups()
            here = url_for('show_picture', name=name, _external=is_external)
            address = f'{folder}{name}.webp' if folder else here
            size = start.startswith('<img') and ' width="' not in match[0] and self.find_size(name)
            words = ' width="{}" height="{}"'.format(*size) if size else ''
            if size and size[2] and not (folder or is_external):
                small = url_for('show_picture', name=f'{name}-small')
                words += f' srcset="{small} {WIDTH}w, {here} {size[0]}w" {SIZES}'
            return f'{start}{address}"{words}{rest}'

        return Markup(ADDRESS.sub(show_address, html))

    def require_picture(self, name, view, columns='*'):
        """Return a picture of this name, or abort with 404."""
        query = f'select {columns} from {view} where name = ?'
        return self.get_db().execute(query, [name]).fetchone() or abort(404)

    def show_picture(self, name):
        """Send a picture; its address stands for its content, so that browsers may keep it."""
        response = self.app.response_class(mimetype='image/webp')
        if name not in request.if_none_match.as_set(include_weak=True):
            column = 'small' if name.endswith('-small') else 'content'
            picture = self.require_picture(name[:32], 'pictures', f'{column} as content')
            response.data = picture['content'] or abort(404)
        response.set_etag(name)
        response.headers['Cache-Control'] = 'public, max-age=31536000, immutable'
        return response.make_conditional(request)

    def find_uses(self, pictures):
        """Return {name: the entries and drafts, the deleted too, that refer to this picture}."""
        query = """
            select 'entries' as kind, id, title, text, deleted from stored where text like ?
            union all select 'drafts', id, title, text, deleted from drafts where text like ?
        """
        uses = {picture['name']: [] for picture in pictures}
        for row in self.get_db().execute(query, ['%/picture/%'] * 2):
            use = {**row, 'text': row['text'][:NAMED_AFTER]}  # all texts could be large
            for name in {*NAME_IN_TEXT.findall(row['text'])} & uses.keys():
                uses[name].append(use)
        return uses

    def list_pictures(self):
        """Show a page of all pictures, each with where it is used."""
        page = self.find_page()
        uses = self.find_uses(page['entries'])
        return render_template('pictures.html', uses=uses, **page)

    def delete_picture(self, name):
        """Say where a picture is used, and ask whether to delete it; then delete it."""
        picture = self.require_picture(name, 'listed_pictures')
        if request.method == 'POST':
            self.get_db().execute('delete from pictures where name = ?', [name])
            flash('The picture is deleted forever')
            return redirect(url_for('pictures'))
        uses = self.find_uses([picture])
        return render_template('delete_picture.html', picture=picture, uses=uses)
