"""The controller of ENAS (Pham et al. 2018): an LSTM that writes an architecture gene by gene.

As NAS-Bench-201 has it: two layers of 32, each gene a softmax of logits that are divided by a
temperature and pass a tanh, the next input the embedding of what was drawn. Where the sites of a space
have different operators, each kind of site has its own embedding and logits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from searchspaces.base import Site

WIDTH, LAYERS = 32, 2
TEMPERATURE, TANH = 5.0, 2.5
SPREAD = 0.1  # of the initial parameters, uniform on both sides of 0


class Controller(nn.Module):
    """Draws by uniform numbers that it is given, so that it has no random state."""

    def __init__(self, sites: Sequence[Site]):
        super().__init__()
        kinds = list(dict.fromkeys(site.operators for site in sites))
        self.kinds = [kinds.index(site.operators) for site in sites]
        self.start = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.lstm = nn.LSTM(WIDTH, WIDTH, LAYERS)
        self.embeddings = nn.ModuleList(nn.Embedding(len(kind), WIDTH) for kind in kinds)
        self.logits = nn.ModuleList(nn.Linear(WIDTH, len(kind)) for kind in kinds)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -SPREAD, SPREAD)

    def forward(self, numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Genes int64 ``[n, sites]`` for uniform ``numbers`` ``[n, sites]`` from 0 to 1.

        And their log-probabilities and the entropies in nats of what they were drawn from, summed
        over the sites, both ``[n]``.
        """
        inputs, state = self.start.expand(1, len(numbers), WIDTH), None
        genes, logs, entropies = [], [], []
        for kind, number in zip(self.kinds, numbers.T, strict=True):
            output, state = self.lstm(inputs, state)
            logits = TANH * torch.tanh(self.logits[kind](output[0]) / TEMPERATURE)
            law = logits.log_softmax(-1)
            below = (law.detach().exp().cumsum(-1) <= number[:, None]).sum(-1)
            genes.append(below.clamp(max=law.shape[-1] - 1))
            logs.append(law.gather(-1, genes[-1][:, None])[:, 0])
            entropies.append(-(law.exp() * law).sum(-1))
            inputs = self.embeddings[kind](genes[-1])[None]
        return torch.stack(genes, -1), torch.stack(logs).sum(0), torch.stack(entropies).sum(0)
