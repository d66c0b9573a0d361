package page

import (
	"cmp"
	"slices"
	"strings"
)

// Row is what stands on one line of a page, from left to right.
type Row struct {
	Cells []Cell
	Box   Box
}

// Cell is a part of a row without a wide gap: a label, an amount, a column's entry.
type Cell struct {
	Words []Word
	Box   Box
}

// Text returns the words of the cell with one space between them.
func (c Cell) Text() string {
	texts := make([]string, len(c.Words))
	for i, word := range c.Words {
		texts[i] = word.Text
	}
	return strings.Join(texts, " ")
}

// Text returns the text of the row with one space between its words.
func (r Row) Text() string {
	texts := make([]string, len(r.Cells))
	for i, cell := range r.Cells {
		texts[i] = cell.Text()
	}
	return strings.Join(texts, " ")
}

// Size is the largest type of the cell, as a share of the page's height.
func (c Cell) Size() float64 {
	size := 0.0
	for _, word := range c.Words {
		size = max(size, word.FontSize)
	}
	return size
}

// Text returns the words of all pages, row by row.
func (d Document) Text() string {
	var text strings.Builder
	for _, p := range d.Pages {
		for _, row := range p.Rows() {
			text.WriteString(row.Text())
			text.WriteByte('\n')
		}
	}
	return text.String()
}

// A gap that is wider than wideGap times the height of the type begins a new cell.
const wideGap = 0.9

// Rows returns the rows of the page's words, from top to bottom.
func (p Page) Rows() []Row { return p.RowsOf(p.Words) }

// RowsOf does the same for another reading of the page. Words belong to a row
// when they stand beside each other; a page that was scanned a few degrees off
// keeps its rows, because each word is compared with its neighbour alone.
func (p Page) RowsOf(words []Word) []Row {
	sorted := slices.Clone(words)
	slices.SortStableFunc(sorted, func(a, b Word) int { return cmp.Compare(a.Box.X0, b.Box.X0) })
	var lines [][]Word
	for _, word := range sorted {
		if line := lineBeside(lines, word); line >= 0 {
			lines[line] = append(lines[line], word)
			continue
		}
		lines = append(lines, []Word{word})
	}
	rows := make([]Row, len(lines))
	for i, line := range lines {
		rows[i] = p.row(line)
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Box.middle(), b.Box.middle()), cmp.Compare(a.Box.X0, b.Box.X0))
	})
	return rows
}

// lineBeside finds the line that a word goes on with, or -1.
func lineBeside(lines [][]Word, word Word) int {
	best, most := -1, 0.5
	for i, line := range lines {
		last := line[len(line)-1].Box
		if overlap := overlap(last.Y0, last.Y1, word.Box.Y0, word.Box.Y1); overlap > most {
			best, most = i, overlap
		}
	}
	return best
}

// overlap is the common part of two spans as a share of the shorter one, less
// when one is much longer than the other: a headline does not swallow the two
// small lines beside it.
func overlap(a0, a1, b0, b1 float64) float64 {
	common := min(a1, b1) - max(a0, b0)
	if common <= 0 {
		return 0
	}
	shorter, longer := min(a1-a0, b1-b0), max(a1-a0, b1-b0)
	if longer > 3*shorter {
		// A sign such as a dash is part of the line whose middle it meets.
		middle := (a0+a1)/2 - (b0+b1)/2
		return 1 - min(2*max(middle, -middle)/longer, 1)
	}
	return common / shorter
}

func (p Page) row(words []Word) Row {
	aspect := 1.0
	if p.Width > 0 && p.Height > 0 {
		aspect = p.Height / p.Width
	}
	row := Row{Box: words[0].Box}
	var cell Cell
	for i, word := range words {
		row.Box = row.Box.Union(word.Box)
		if i > 0 {
			before := words[i-1]
			size := max(before.height(), word.height()) * aspect
			if word.Box.X0-before.Box.X1 > wideGap*size {
				row.Cells = append(row.Cells, cell)
				cell = Cell{}
			}
		}
		if len(cell.Words) == 0 {
			cell.Box = word.Box
		}
		cell.Words = append(cell.Words, word)
		cell.Box = cell.Box.Union(word.Box)
	}
	row.Cells = append(row.Cells, cell)
	return row
}

// height is the size of the word's type, or its own height when that is unknown.
func (w Word) height() float64 {
	if w.FontSize > 0 {
		return w.FontSize
	}
	return w.Box.Y1 - w.Box.Y0
}

// Union is the smallest box around both.
func (b Box) Union(other Box) Box {
	return Box{X0: min(b.X0, other.X0), Y0: min(b.Y0, other.Y0), X1: max(b.X1, other.X1), Y1: max(b.Y1, other.Y1)}
}

func (b Box) middle() float64 { return (b.Y0 + b.Y1) / 2 }

// Block is a group of cells that stand close below each other with a common
// left edge: an address, a letterhead, a column of a table.
type Block struct {
	Cells []Cell
	Box   Box
}

// Blocks groups the cells of rows, in the order of their first cells.
func Blocks(rows []Row) []Block {
	var blocks []Block
	for _, row := range rows {
		for _, cell := range row.Cells {
			if i := blockAbove(blocks, cell); i >= 0 {
				blocks[i].Cells = append(blocks[i].Cells, cell)
				blocks[i].Box = blocks[i].Box.Union(cell.Box)
				continue
			}
			blocks = append(blocks, Block{Cells: []Cell{cell}, Box: cell.Box})
		}
	}
	return blocks
}

// blockAbove finds the block that a cell goes on with, or -1.
func blockAbove(blocks []Block, cell Cell) int {
	for i := len(blocks) - 1; i >= 0; i-- {
		last := blocks[i].Cells[len(blocks[i].Cells)-1]
		size := max(min(last.Size(), cell.Size()), 0.004)
		gap := cell.Box.Y0 - last.Box.Y1
		aligned := max(last.Box.X0-cell.Box.X0, cell.Box.X0-last.Box.X0) < 0.02
		centred := overlap(last.Box.X0, last.Box.X1, cell.Box.X0, cell.Box.X1) > 0.8
		if gap < 1.1*size && gap > -size && (aligned || centred) {
			return i
		}
	}
	return -1
}
