"""Tables, as text for the terminal and as Markdown for the documentation."""


class Table:
    """One question's answer: a title, columns, rows, notes below them."""

    def __init__(self, title, columns, notes=()):
        self.title = title
        self.columns = columns
        self.rows = []
        self.notes = list(notes)

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def text(self):
        widths = [max(len(row[i]) for row in [self.columns] + self.rows)
                  for i in range(len(self.columns))]

        def line(cells):
            return '  '.join(cell.ljust(width) if i == 0 else cell.rjust(width)
                             for i, (cell, width)
                             in enumerate(zip(cells, widths))).rstrip()

        lines = ['', self.title, '', line(self.columns),
                 line(['-' * width for width in widths])]
        lines += [line(row) for row in self.rows]
        if self.notes:
            lines.append('')
        for note in self.notes:
            lines += wrap(note, 80)
        return '\n'.join(lines)

    def markdown(self):
        def line(cells):
            return '| ' + ' | '.join(cells) + ' |'

        lines = ['**' + self.title + '**', '', line(self.columns),
                 line(['---'] + ['---:'] * (len(self.columns) - 1))]
        lines += [line(row) for row in self.rows]
        for note in self.notes:
            lines += ['', note]
        return '\n'.join(lines) + '\n'


def wrap(text, width):
    lines = ['']
    for word in text.split():
        if len(lines[-1]) + 1 + len(word) > width and lines[-1]:
            lines.append('')
        lines[-1] += (' ' if lines[-1] else '') + word
    return lines


def number(value):
    """12345.6 as 12,346"""
    return '{:,.0f}'.format(value)
