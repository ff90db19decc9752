// Package base holds the fields of a schema that the engine's code names.
package base

import (
	"errors"

	"github.com/pb33f/libopenapi/orderedmap"
	"go.yaml.in/yaml/v4"
)

type Info struct{ Version string }

type Discriminator struct {
	PropertyName string
	Mapping      *orderedmap.Map[string, string]
}

type DynamicValue[A any, B any] struct {
	A A
	B B
}

func (*DynamicValue[A, B]) IsA() bool { return false }

func (*DynamicValue[A, B]) IsB() bool { return false }

type Schema struct {
	Type                                      []string
	Title, Description, Format, Pattern       string
	AllOf, AnyOf, OneOf                       []*SchemaProxy
	Enum                                      []*yaml.Node
	Default, Const, Example                   *yaml.Node
	Required                                  []string
	Properties                                *orderedmap.Map[string, *SchemaProxy]
	Discriminator                             *Discriminator
	Items                                     *DynamicValue[*SchemaProxy, bool]
	AdditionalProperties                      *DynamicValue[*SchemaProxy, bool]
	Minimum, Maximum, MultipleOf              *float64
	MinLength, MaxLength, MinItems, MaxItems  *int64
	Extensions                                *orderedmap.Map[string, *yaml.Node]
	Nullable, ReadOnly, WriteOnly, Deprecated *bool
}

type lowSchema struct{}

func (*lowSchema) Hash() uint64 { return 0 }

func (*Schema) GoLow() *lowSchema { return nil }

func (*Schema) MarshalJSONInline() ([]byte, error) { return nil, errors.ErrUnsupported }

type SchemaProxy struct{}

func (*SchemaProxy) Schema() *Schema { return nil }

func (*SchemaProxy) GetReference() string { return "" }

func (*SchemaProxy) IsReference() bool { return false }
