// Package onnx runs neural networks through ONNX Runtime's shared library, on
// one processor. It loads the library at run time, so that nothing needs a C
// compiler; the price is that a program with this package is linked dynamically
// against the C library. That is why only the accurate reader has it.
//
// The functions are called through the table of the library's C API
// (onnxruntime_c_api.h, OrtApi), whose order never changes.
package onnx

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"unsafe"

	"github.com/ebitengine/purego"
)

// apiVersion is that of the functions used here: ONNX Runtime 1.18 and newer have it.
const apiVersion = 18

// Places of functions in the table.
const (
	getErrorMessage                = 2
	createEnv                      = 3
	createSessionFromArray         = 8
	run                            = 9
	createSessionOptions           = 10
	setGraphOptimizationLevel      = 23
	setIntraOpNumThreads           = 24
	setInterOpNumThreads           = 25
	sessionGetInputName            = 36
	sessionGetOutputName           = 37
	createTensorWithData           = 49
	getTensorMutableData           = 51
	getDimensionsCount             = 61
	getDimensions                  = 62
	getTensorTypeAndShape          = 65
	createCPUMemoryInfo            = 69
	getAllocatorWithDefaultOptions = 78
	releaseStatus                  = 93
	releaseValue                   = 96
	releaseTensorTypeAndShapeInfo  = 99
	functions                      = 131
	logErrors                      = 3
	elementFloat                   = 1
	arenaAllocator, defaultMemory  = 1, 0
	allOptimizations               = 99
)

// address is a place in the library's memory, or an object of its.
type address = uintptr

// Runtime is the loaded library. It stays loaded until the process ends.
type Runtime struct {
	api     *[functions]address
	env     address
	options address
	memory  address
}

// Open loads the shared library.
func Open(library string) (*Runtime, error) {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load ONNX Runtime: %w", err)
	}
	symbol, err := purego.Dlsym(handle, "OrtGetApiBase")
	if err != nil {
		return nil, fmt.Errorf("load ONNX Runtime: %w", err)
	}
	base, _, _ := purego.SyscallN(symbol)
	table, _, _ := purego.SyscallN(*(*address)(pointer(base)), apiVersion)
	if table == 0 {
		return nil, fmt.Errorf("load ONNX Runtime: it is older than version 1.%d", apiVersion)
	}
	r := &Runtime{api: (*[functions]address)(pointer(table))}
	name := cString("docuflow")
	return r, errors.Join(
		r.call(createEnv, logErrors, of(&name[0]), of(&r.env)),
		r.call(createSessionOptions, of(&r.options)),
		r.call(setIntraOpNumThreads, r.options, 1),
		r.call(setInterOpNumThreads, r.options, 1),
		r.call(setGraphOptimizationLevel, r.options, allOptimizations),
		r.call(createCPUMemoryInfo, arenaAllocator, defaultMemory, of(&r.memory)),
	)
}

// Model is a network with one input and one output, both of 32-bit floats.
type Model struct {
	runtime       *Runtime
	session       address
	input, output address // their names
}

// Load reads a model file.
func (r *Runtime) Load(file string) (*Model, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m := &Model{runtime: r}
	if err := r.call(createSessionFromArray, r.env, of(unsafe.SliceData(content)), address(len(content)), r.options, of(&m.session)); err != nil {
		return nil, fmt.Errorf("load the model %s: %w", file, err)
	}
	runtime.KeepAlive(content)
	var allocator address
	err = errors.Join(
		r.call(getAllocatorWithDefaultOptions, of(&allocator)),
		r.call(sessionGetInputName, m.session, 0, allocator, of(&m.input)),
		r.call(sessionGetOutputName, m.session, 0, allocator, of(&m.output)),
	)
	if err != nil {
		return nil, fmt.Errorf("load the model %s: %w", file, err)
	}
	return m, nil
}

// Run computes the output for an input of this shape.
func (m *Model) Run(input []float32, shape ...int64) (output []float32, outputShape []int64, err error) {
	r := m.runtime
	var given, made address
	err = r.call(createTensorWithData, r.memory, of(unsafe.SliceData(input)), address(len(input)*4),
		of(unsafe.SliceData(shape)), address(len(shape)), elementFloat, of(&given))
	if err != nil {
		return nil, nil, fmt.Errorf("hand over an input: %w", err)
	}
	defer r.release(releaseValue, given)
	if err := r.call(run, m.session, 0, of(&m.input), of(&given), 1, of(&m.output), 1, of(&made)); err != nil {
		return nil, nil, fmt.Errorf("run a model: %w", err)
	}
	runtime.KeepAlive(input)
	defer r.release(releaseValue, made)
	return r.content(made)
}

// content copies a tensor.
func (r *Runtime) content(tensor address) (values []float32, shape []int64, err error) {
	var info, count, data address
	if err := r.call(getTensorTypeAndShape, tensor, of(&info)); err != nil {
		return nil, nil, err
	}
	defer r.release(releaseTensorTypeAndShapeInfo, info)
	if err := r.call(getDimensionsCount, info, of(&count)); err != nil {
		return nil, nil, err
	}
	shape = make([]int64, count)
	err = errors.Join(
		r.call(getDimensions, info, of(unsafe.SliceData(shape)), count),
		r.call(getTensorMutableData, tensor, of(&data)),
	)
	if err != nil {
		return nil, nil, err
	}
	total := int64(1)
	for _, size := range shape {
		total *= size
	}
	return slices.Clone(unsafe.Slice((*float32)(pointer(data)), total)), shape, nil
}

// call calls a function that returns a status: null, or an object with a message.
func (r *Runtime) call(function int, arguments ...address) error {
	status, _, _ := purego.SyscallN(r.api[function], arguments...)
	if status == 0 {
		return nil
	}
	defer r.release(releaseStatus, status)
	message, _, _ := purego.SyscallN(r.api[getErrorMessage], status)
	return errors.New(goString(message))
}

func (r *Runtime) release(function int, object address) {
	_, _, _ = purego.SyscallN(r.api[function], object)
}

// of is the address of something of ours, for a call that is over before the
// collector may move on: its caller keeps it alive.
func of[T any](value *T) address { return address(unsafe.Pointer(value)) }

// pointer makes a pointer of an address outside of Go's memory.
func pointer(at address) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&at)) }

func cString(text string) []byte { return append([]byte(text), 0) }

func goString(at address) string {
	const longest = 1000
	var text []byte
	for i := range uintptr(longest) {
		character := *(*byte)(pointer(at + i))
		if character == 0 {
			break
		}
		text = append(text, character)
	}
	return string(text)
}
