package gate

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// budget bounds the memory of all bodies in flight (clause GATE-005). It never waits: a sender that is told to come again
// holds no memory meanwhile.
type budget struct {
	limit int64
	large int64 // the part of limit that may be in use when a large buffer is taken
	used  atomic.Int64
}

const (
	// largestSmall is the longest buffer of a small body, and smallShare the part of the budget that is kept for such: a few
	// large bodies that are withheld, or that a slow receiver holds, must not keep out the many small ones.
	largestSmall = 64 << 10
	smallShare   = 4
)

// largePart returns how much of a limit may be in use when a large buffer is taken. One body of the greatest length always
// has room.
func largePart(limit, maxBody int64) int64 {
	return max(limit-limit/smallShare, classSize(classFor(maxBody)))
}

// take takes n bytes more for a buffer of a class, and reports whether there were as many.
func (b *budget) take(n int64, class int) bool {
	limit := b.limit
	if classSize(class) > largestSmall {
		limit = b.large
	}
	if b.used.Add(n) > limit {
		b.used.Add(-n)
		return false
	}
	return true
}

// give returns n bytes.
func (b *budget) give(n int64) { b.used.Add(-n) }

// Buffers come in classes, each twice the one before, so that a pool serves every length.
const (
	smallestBuffer = 4 << 10
	// classes is how many there are: the largest is 1 GiB.
	classes = 19
	// pooledClasses is how many of them are kept for reuse: up to 16 MiB.
	pooledClasses = 13
	// maxBodyLimit is the longest body that a Gate can be told to accept.
	maxBodyLimit = smallestBuffer << (classes - 1)
)

// buffers keeps buffers of each class that are not in use.
var buffers [pooledClasses]sync.Pool

// classFor returns the smallest class that holds n bytes.
func classFor(n int64) int {
	return bits.Len64(uint64(max(n, 1)-1) / smallestBuffer)
}

// classSize returns the length of a class's buffers.
func classSize(class int) int64 { return smallestBuffer << class }

// newBuffer returns a buffer of a class. What is in it is left over from other requests.
func newBuffer(class int) []byte {
	if class < pooledClasses {
		if b, ok := buffers[class].Get().(*[]byte); ok {
			return *b
		}
	}
	return make([]byte, classSize(class))
}

// dropBuffer gives a buffer back for reuse. Nobody may look at it any more.
func dropBuffer(b []byte) {
	if class := classFor(int64(len(b))); class < pooledClasses {
		buffers[class].Put(&b)
	}
}
