"""Write one page of each kind into a folder, for programs that check HTML.

    python tools/pages.py FOLDER

The blog that they are from has a database of its own, which is gone afterwards. With
the Nu checker, npm's vnu-jar, this checks them:

    java -jar vnu.jar --also-check-css --also-check-svg FOLDER static/style.css static/icon.svg
"""

import base64
import io
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import app

TEXT = """
# A heading

Some *words*, a <strong>tag</strong>, https://example.org and ~~nothing~~.
A second line with `code`.

> A quotation

- [ ] open
- [x] done

| left | centre | right |
|:-----|:------:|------:|
| 1    | 2      | 3     |

```python
print('Hello')
```

![A picture](/picture.png) <video src="/film.mp4"></video> <audio src="/sound.mp3"></audio>

<details><summary>More</summary>Even this</details>

<b>Left open <table><tr><td>and <div title="
"""
PICTURE = 'R0lGODdhAQABAIAAAAAAAAAAACwAAAAAAQABAAACAkQBADs='  # a GIF of one pixel


def make_pages():
    """Yield the name and the HTML of each page."""
    reader, author = app.app.test_client(), app.app.test_client()

    def page(name, response):
        return name, response.get_data()

    def post(path, **form):
        return author.post(path, data=form, follow_redirects=True)

    yield page('empty', reader.get('/'))
    yield page('login', reader.get('/login'))
    yield page('wrong', reader.post('/login', data={'username': 'me', 'password': 'x'}))
    yield page('greeting', post('/login', username='admin', password='admin'))
    yield page('empty-trash', author.get('/trash'))
    for number in range(1, app.app.config['PER_PAGE'] + 3):
        post('/add', title=f'Entry {number} & <more>', text=TEXT)
    post('/edit/2', title='Edited', text=TEXT)
    yield page('deleted', post('/delete/1'))
    yield page('index', reader.get('/'))
    yield page('older', reader.get('/?before=3'))
    yield page('beyond', reader.get('/?before=1'))
    yield page('author', author.get('/'))
    yield page('blank', post('/add', title=' ', text=TEXT))
    yield page('entry', reader.get('/entry/2'))
    yield page('own-entry', author.get('/entry/2'))
    yield page('edit', author.get('/edit/2'))
    yield page('conflict', post('/edit/2', title='Mine', text=TEXT, version='1'))
    yield page('trash', author.get('/trash'))
    yield page('search', reader.get('/search'))
    yield page('found', reader.get('/search?q=words'))
    yield page('not-found', reader.get('/search?q=nowhere'))
    post('/add', title='', text=f'Words with a #tag\n\n{TEXT}')
    yield page('untitled', reader.get(f'/entry/{app.app.config["PER_PAGE"] + 3}'))
    yield page('tag', reader.get('/tag/tag'))
    yield page('tags', reader.get('/tags'))
    yield page('drafts', post('/drafts/add', title='A draft', text=TEXT))
    yield page('draft', author.get('/drafts/edit/1'))
    yield page('preview', post('/preview', title='Mine', text=TEXT))
    yield page('discarded', post('/drafts/delete/1'))
    yield page('discarded-drafts', author.get('/drafts/trash'))
    picture = base64.b64decode(PICTURE)
    form = {'title': '', 'text': 'Look', 'pictures': (io.BytesIO(picture), 'dot.gif')}
    response = author.post('/preview', data=form)
    yield page('added', response)
    name = re.search(r'/picture/(\w+).webp', response.text)[1]
    post('/add', title='With a picture', text=f'![A dot](/picture/{name}.webp)')
    yield page('pictures', author.get('/pictures'))
    yield page('delete-picture', author.get(f'/pictures/delete/{name}'))
    yield page('share', author.get('/share?title=A+page&url=https://example.org/?a=b%26c'))
    yield page('missing', reader.get('/nowhere'))
    yield page('given-back', reader.post('/add', data={'title': 'Mine', 'text': TEXT}))
    yield page('gone', post('/edit/99', title='Mine', text=TEXT))
    app.app.testing = False  # as served with no password of its own
    yield page('setup', reader.get('/login'))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as database_folder:
        database = pathlib.Path(database_folder, 'flaskr.db')
        app.app.config.update(DATABASE=database, TESTING=True, USERNAME='admin', PASSWORD='admin')
        for name, html in make_pages():
            (folder / f'{name}.html').write_bytes(html)


if __name__ == '__main__':
    main()
