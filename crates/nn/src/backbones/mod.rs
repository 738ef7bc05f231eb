//! The networks, one file each: what their layers are and where metrics look at them.
//!
//! Parameter names are torchvision's; MobileNetV2 has its own, for want of a torchvision layout that
//! matches the published file, and so has our own network.

mod alexnet;
mod mobilenet_v2;
mod resnet;
mod sight;
mod squeezenet;
mod vgg16;

use crate::layer::Layer;

/// A network that can be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backbone {
    /// AlexNet in one column (Krizhevsky 2014), five taps.
    AlexNet,
    /// VGG-16 without batch normalisation (Simonyan & Zisserman 2015), five taps.
    Vgg16,
    /// The same network with the pooling of DISTS in place of the largest value.
    Vgg16HanningPool,
    /// SqueezeNet 1.1 (Iandola et al. 2016), seven taps.
    SqueezeNet1_1,
    /// ResNet-18 (He et al. 2016), five taps.
    ResNet18,
    /// ResNet-50 (He et al. 2016), five taps.
    ResNet50,
    /// MobileNetV2 1.0 (Sandler et al. 2018), five taps; the mean of the last over all positions is
    /// its embedding.
    MobileNetV2,
    /// The network of our own metric, five taps.
    Sight,
}

impl Backbone {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::AlexNet,
        Self::Vgg16,
        Self::Vgg16HanningPool,
        Self::SqueezeNet1_1,
        Self::ResNet18,
        Self::ResNet50,
        Self::MobileNetV2,
        Self::Sight,
    ];

    /// The name of the network.
    pub fn name(self) -> &'static str {
        match self {
            Self::AlexNet => "AlexNet",
            Self::Vgg16 => "VGG-16",
            Self::Vgg16HanningPool => "VGG-16 with Hanning pooling",
            Self::SqueezeNet1_1 => "SqueezeNet 1.1",
            Self::ResNet18 => "ResNet-18",
            Self::ResNet50 => "ResNet-50",
            Self::MobileNetV2 => "MobileNetV2",
            Self::Sight => "sight",
        }
    }

    /// The name under which its weights are kept.
    pub fn weights(self) -> &'static str {
        match self {
            Self::AlexNet => "alexnet",
            Self::Vgg16 | Self::Vgg16HanningPool => "vgg16",
            Self::SqueezeNet1_1 => "squeezenet1_1",
            Self::ResNet18 => "resnet18",
            Self::ResNet50 => "resnet50",
            Self::MobileNetV2 => "mobilenet_v2_1.0_224",
            Self::Sight => "sight",
        }
    }

    /// Its layers up to the last tap. All networks read three channels.
    pub fn layers(self) -> Vec<Layer> {
        match self {
            Self::AlexNet => alexnet::layers(),
            Self::Vgg16 => vgg16::layers(vgg16::MAX_POOL),
            Self::Vgg16HanningPool => vgg16::layers(Layer::HanningPool),
            Self::SqueezeNet1_1 => squeezenet::layers(),
            Self::ResNet18 => resnet::layers(resnet::RESNET_18),
            Self::ResNet50 => resnet::layers(resnet::RESNET_50),
            Self::MobileNetV2 => mobilenet_v2::layers(),
            Self::Sight => sight::layers(),
        }
    }
}
