package press

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// tiffDirectory is one image file directory (TIFF 6.0, section 2): one page.
type tiffDirectory struct {
	header [8]byte // a file header that points to this directory
	turn   orientation
	turnAt int64 // where the file says so, 0 when it does not
	order  binary.AppendByteOrder
}

const orientationTag = 274

// byteOrder reads and writes numbers.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// tiffDirectories lists the directories of a TIFF file, or of EXIF data, which has the same form.
func tiffDirectories(file io.ReaderAt, size int64) ([]tiffDirectory, error) {
	var header [8]byte
	if _, err := file.ReadAt(header[:], 0); err != nil {
		return nil, fmt.Errorf("read the TIFF header: %w", err)
	}
	var order byteOrder = binary.LittleEndian
	if header[0] == 'M' {
		order = binary.BigEndian
	}
	var directories []tiffDirectory
	seen := map[uint32]bool{}
	for offset := order.Uint32(header[4:]); offset != 0 && !seen[offset] && len(directories) < maxTIFFPages; {
		seen[offset] = true
		directory, next, err := readDirectory(file, size, offset, order)
		if err != nil && len(directories) == 0 {
			return nil, err
		}
		if err != nil {
			break // a broken chain does not take away the pages before it
		}
		directory.header = header
		order.PutUint32(directory.header[4:], offset)
		directories = append(directories, directory)
		offset = next
	}
	if len(directories) == 0 {
		return nil, errors.New("a TIFF without directories")
	}
	return directories, nil
}

func readDirectory(file io.ReaderAt, size int64, offset uint32, order byteOrder) (directory tiffDirectory, next uint32, err error) {
	var count [2]byte
	if _, err := file.ReadAt(count[:], int64(offset)); err != nil {
		return directory, 0, fmt.Errorf("read a TIFF directory: %w", err)
	}
	const entryLength = 12
	entries := make([]byte, int(order.Uint16(count[:]))*entryLength+4)
	if int64(offset)+2+int64(len(entries)) > size {
		// EXIF data often lacks the pointer to the next directory.
		entries = entries[:len(entries)-4]
	}
	if _, err := file.ReadAt(entries, int64(offset)+2); err != nil {
		return directory, 0, fmt.Errorf("read a TIFF directory: %w", err)
	}
	directory.order = order
	at := int64(offset) + 2
	for len(entries) >= entryLength {
		if order.Uint16(entries) == orientationTag {
			if turn := orientation(order.Uint16(entries[8:])); turn >= upright && turn <= 8 {
				directory.turn, directory.turnAt = turn, at+8
			}
		}
		entries = entries[entryLength:]
		at += entryLength
	}
	if len(entries) == 4 {
		next = order.Uint32(entries)
	}
	return directory, next, nil
}

// tiffPage is a TIFF file with another header, so that a decoder which knows
// the first directory alone decodes this one.
type tiffPage struct {
	file   io.ReaderAt
	header [8]byte
}

// ReadAt reads like an io.ReaderAt.
func (t tiffPage) ReadAt(p []byte, offset int64) (int, error) {
	n, err := t.file.ReadAt(p, offset)
	if offset < int64(len(t.header)) {
		copy(p[:n], t.header[offset:])
	}
	return n, err
}
