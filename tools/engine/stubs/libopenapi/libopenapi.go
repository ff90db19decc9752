// Package libopenapi stands in for the real one while the engine is built from source. Only `pulumi api` uses it, a
// command for Pulumi Cloud, and compiling it takes a quarter of the whole build. These are the shapes that the engine's
// code names; the one function that would do something says that it can't.
package libopenapi

import (
	"errors"

	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// DocumentModel holds what a document was parsed to.
type DocumentModel[T any] struct{ Model T }

// Document is never made.
type Document interface {
	BuildV3Model() (*DocumentModel[v3.Document], error)
}

// NewDocument always fails.
func NewDocument([]byte) (Document, error) {
	return nil, errors.New("this engine was built from source without `pulumi api`; install Pulumi's official release for it")
}
