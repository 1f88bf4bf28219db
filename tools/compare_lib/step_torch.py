"""A training step in PyTorch: eager with its fused or foreach SGD, and compiled."""

import torch
import torch.nn.functional as F

VARIANTS = ["eager, foreach", "eager, fused", "compiled, fused", "channels_last, fused",
            "channels_last, compiled, fused"]


def version():
    return f"PyTorch {torch.__version__}"


def model(widths, sigmoid=False):
    """Linear layers; sigmoid after every one of them, or ReLU between them."""
    layers = []
    for k, (n_in, n_out) in enumerate(zip(widths, widths[1:])):
        layers.append(torch.nn.Linear(n_in, n_out))
        if sigmoid or k < len(widths) - 2:
            layers.append(torch.nn.Sigmoid() if sigmoid else torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


def images(workload):
    """Convolutions, as compare_lib/workloads.py has them."""
    channels, height, width = workload["image"]
    layers, flat = [], None
    for layer in workload["layers"]:
        if layer == "relu":
            layers.append(torch.nn.ReLU())
        elif layer == "pool":
            layers.append(torch.nn.MaxPool2d(2))
            height, width = height // 2, width // 2
        elif layer[0] == "conv":
            layers.append(torch.nn.Conv2d(channels, layer[1], layer[2], padding=layer[3]))
            channels, shrink = layer[1], layer[2] - 1 - 2 * layer[3]
            height, width = height - shrink, width - shrink
        else:
            if flat is None:
                layers.append(torch.nn.Flatten())
            layers.append(torch.nn.Linear(flat or channels * height * width, layer[1]))
            flat = layer[1]
    return torch.nn.Sequential(*layers)


def conv(n_in, n_out, size=3, stride=1):
    return torch.nn.Conv2d(n_in, n_out, size, stride=stride, padding=size // 2, bias=False)


class Residual(torch.nn.Module):
    """He et al. 2016: two convolutions, and what comes before them, added up. Named as in torchvision."""

    def __init__(self, n_in, n_out):
        super().__init__()
        stride = 1 if n_in == n_out else 2
        self.conv1, self.bn1 = conv(n_in, n_out, 3, stride), torch.nn.BatchNorm2d(n_out)
        self.conv2, self.bn2 = conv(n_out, n_out), torch.nn.BatchNorm2d(n_out)
        self.downsample = torch.nn.Sequential()
        if stride == 2:
            self.downsample = torch.nn.Sequential(conv(n_in, n_out, 1, stride),
                                                  torch.nn.BatchNorm2d(n_out))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class ResNet20(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = conv(3, 16), torch.nn.BatchNorm2d(16)
        self.layer1 = torch.nn.Sequential(*(Residual(16, 16) for _ in range(3)))
        self.layer2 = torch.nn.Sequential(Residual(16, 32), Residual(32, 32), Residual(32, 32))
        self.layer3 = torch.nn.Sequential(Residual(32, 64), Residual(64, 64), Residual(64, 64))
        self.avgpool, self.fc = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Linear(64, 10)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.avgpool(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.flatten(1))


def network(name):
    torch.manual_seed(1)
    if name == "resnet20":
        return ResNet20()
    layers, n_in = [], 3
    for n_out in 32, 64, 128:
        for _ in range(2):
            layers += [conv(n_in, n_out), torch.nn.BatchNorm2d(n_out), torch.nn.ReLU()]
            n_in = n_out
        layers.append(torch.nn.MaxPool2d(2))
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(2048, 10))


def make_network(workload, variant):
    """In the memory format that the variant wants."""
    if "network" in workload:
        net = network(workload["network"])
    elif "image" in workload:
        net = images(workload)
    else:
        net = model(workload["layers"], workload["activation"] == "sigmoid")
    if "channels_last" in variant:
        if "image" not in workload:
            raise ValueError("channels_last is for images")
        net = net.to(memory_format=torch.channels_last)
    return net


def train_step(net, loss_of, variant, lr, momentum, weight_decay):
    """A function of (x, y) that does a step and returns the loss, and the optimizer."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum,
                                weight_decay=weight_decay, fused="fused" in variant,
                                foreach="foreach" in variant)

    def forward(x, y):
        return loss_of(net(x), y)

    if "compiled" in variant:
        forward = torch.compile(forward)

    def step(x, y):
        optimizer.zero_grad(set_to_none=True)
        loss = forward(x, y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, optimizer


class Step:
    def __init__(self, workload, data, labels, batches, parameters, variant, threads):
        torch.set_num_threads(threads)
        self.data, self.batches = torch.from_numpy(data), torch.from_numpy(batches)
        self.labels = torch.from_numpy(labels)
        mse = workload["loss"] == "mse"
        if mse:
            self.labels = F.one_hot(self.labels, workload["layers"][-1]).float()
        net = make_network(workload, variant)
        with torch.no_grad():
            for p, values in zip(net.parameters(), parameters):
                p.copy_(torch.from_numpy(values))
        if "channels_last" in variant:
            self.data = self.data.contiguous(memory_format=torch.channels_last)
        self.train, _ = train_step(net, F.mse_loss if mse else F.cross_entropy, variant,
                                   workload["lr"], workload["momentum"], workload["weight_decay"])

    def step(self, i):
        index = self.batches[i % len(self.batches)]
        self.last = self.train(self.data.index_select(0, index),
                               self.labels.index_select(0, index))

    def loss(self):
        return self.last.item()

    def wait(self):
        pass
