package storage

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// op is what a change does.
type op byte

const (
	put    op = 1
	remove op = 2
	empty  op = 3
)

// change is one change of one record, or the emptying of a table.
type change struct {
	op         op
	table, key string
	value      []byte
}

// The sizes of the file's parts, and the longest payload of a frame.
const (
	headSize  = 16
	markSize  = 16
	firstByte = headSize + 2*markSize
	frameHead = 8
	maxFrame  = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errFrame = errors.New("damaged frame")

// encodeFrame writes changes as a frame, and tells at which offset of it each value begins.
func encodeFrame(changes []change) (frame []byte, values []int) {
	frame = make([]byte, frameHead, 4096)
	for _, c := range changes {
		frame = append(frame, byte(c.op))
		frame = appendText(frame, c.table)
		frame = appendText(frame, c.key)
		frame = binary.AppendUvarint(frame, uint64(len(c.value)))
		values = append(values, len(frame))
		frame = append(frame, c.value...)
	}
	payload := frame[frameHead:]
	binary.BigEndian.PutUint32(frame, uint32(len(payload)))
	binary.BigEndian.PutUint32(frame[4:], crc32.Checksum(payload, castagnoli))
	return frame, values
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decodePayload calls f with each change of a payload and the offset at which its value begins.
func decodePayload(payload []byte, f func(c change, value int)) error {
	r := reader{rest: payload}
	for len(r.rest) > 0 {
		c := change{op: op(r.byte())}
		c.table, c.key = string(r.bytes()), string(r.bytes())
		c.value = r.bytes()
		if r.bad || c.op < put || c.op > empty {
			return errFrame
		}
		f(c, len(payload)-len(r.rest)-len(c.value))
	}
	return nil
}

// reader takes a payload apart.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// bytes takes a length and as many bytes.
func (r *reader) bytes() []byte {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > uint64(len(r.rest)-size) {
		r.bad, r.rest = true, nil
		return nil
	}
	taken := r.rest[size : size+int(n)]
	r.rest = r.rest[size+int(n):]
	return taken
}

// encodeMark writes how long the file is known to be.
func encodeMark(length int64) []byte {
	mark := make([]byte, markSize)
	binary.BigEndian.PutUint64(mark, uint64(length))
	binary.BigEndian.PutUint32(mark[8:], crc32.Checksum(mark[:8], castagnoli))
	return mark
}

// decodeMark reads a mark and reports whether it is whole.
func decodeMark(mark []byte) (length int64, ok bool) {
	sum := binary.BigEndian.Uint32(mark[8:])
	n := binary.BigEndian.Uint64(mark)
	return int64(n), crc32.Checksum(mark[:8], castagnoli) == sum && n >= firstByte && n < 1<<62
}
